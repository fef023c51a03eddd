-- What the head of a stream says by itself needs no rows of its own in the index: that there is the stream, its
-- status, and when it was created. Nearly all streams are active, so the rows of this table are not written
-- anew. Null: searches do not find the stream.
alter table heads add column status text default 'active';

-- With the status, because SQLite looks at it in each row.
create index heads_by_id on heads (organization, stream, status) where status is not null;
create index heads_by_time on heads (organization, created_at, stream, status) where status is not null;
-- Nearly all are active, so these are found without it.
create index heads_by_status on heads (organization, status, stream) where status <> 'active';

-- How many streams of an organization have a status.
create table head_counts (
  organization text not null,
  status text not null,
  total integer not null,
  primary key (organization, status)
) strict, without rowid;

delete from search_keys
where space in (select id from search_spaces where name in ('', 'state', 'createdAt'));

-- Few people have a phone, and those without need no row.
delete from search_keys
where folded = '' and space in (select id from search_spaces where name = 'phone');

delete from search_spaces where name in ('', 'state', 'createdAt');
