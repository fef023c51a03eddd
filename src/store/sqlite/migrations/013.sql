-- States and events that are stored from here on lack the members that nearly all have with the same value. An earlier
-- release would miss them, so it must refuse the database.

-- Receipts stand in the order in which they are stored. Only the names, which come in any order, are kept sorted: as
-- digests, in a table of their own, whose pages hold many of them.
drop index receipts_by_time;
drop index receipts_by_stream;
alter table receipts rename to sorted_receipts;

create table receipts (
  -- Of the last event of the change that brought the receipt: the event leads to it. Negative: no change did.
  position integer primary key,
  -- As in receipt_names.
  name blob not null,
  -- That the receipt tells of, if no event leads to it. Null: an event does, or it tells of none.
  stream text,
  at integer not null,
  content blob not null
) strict;

-- The oldest are removed first.
create index receipts_by_time on receipts (at);
-- Finds the receipts of a stream that is erased. Few receipts come without a change.
create index lone_receipts on receipts (stream) where stream is not null;

create table receipt_names (
  -- The first 8 bytes of the SHA-256 of the owner, and the first 16 of that of the name.
  name blob primary key,
  position integer not null
) strict, without rowid;

insert into receipts (position, name, stream, at, content)
select -row_number() over (order by at), receipt_name(owner, name), nullif(stream, ''), at, content
from sorted_receipts;

insert into receipt_names (name, position) select name, position from receipts order by name;

drop table sorted_receipts;

-- Step 12 left them in what an interrupted import had not sorted yet.
update unsorted_keys set texts = jsonb_remove(texts, '$.phone') where texts ->> 'phone' = '';
