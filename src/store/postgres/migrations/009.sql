-- Bytes that are kept for a day under names, most of them in the transaction of the change that they tell of.
create table receipts (
  owner text collate "C" not null,
  name text collate "C" not null,
  -- That the receipt tells of; empty for none.
  stream text collate "C" not null,
  at bigint not null,
  content bytea not null,
  primary key (owner, name)
);

-- The oldest are removed first.
create index receipts_by_time on receipts (at);
