-- Bytes that are kept for a day under names, most of them in the transaction of the change that they tell of.
create table receipts (
  owner text not null,
  name text not null,
  -- That the receipt tells of; empty for none.
  stream text not null,
  at integer not null,
  content blob not null,
  primary key (owner, name)
) strict;

-- The oldest are removed first.
create index receipts_by_time on receipts (at);
