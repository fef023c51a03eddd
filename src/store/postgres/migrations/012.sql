-- What the head of a stream says by itself needs no rows of its own in the index: that there is the stream, its
-- status, and when it was created. Nearly all streams are active, so the rows of this table are not written
-- anew. Null: searches do not find the stream.
alter table heads
  alter column organization type text collate "C",
  add column status text collate "C" default 'active';
alter table heads alter column status drop default;
-- Room for one more version of a head in ten: what was replaced is removed when the next one is written.
alter table heads set (fillfactor = 90);

create index heads_by_id on heads (organization, stream) where status is not null;
create index heads_by_time on heads (organization, created_at, stream) where status is not null;
-- Nearly all are active, so these are found without it.
create index heads_by_status on heads (organization, status, stream) where status <> 'active';

-- How many streams of an organization have a status: the sum of its rows. Every transaction that changes a
-- number adds a row, so that none waits for another, and rows are replaced by their sum from time to time.
create table head_counts (
  organization text collate "C" not null,
  status text collate "C" not null,
  -- A stream that the transaction wrote, and the change that wrote it.
  stream text collate "C" not null,
  change uuid not null,
  total bigint not null,
  primary key (organization, status, stream, change)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- A number for each key of each organization in place of both names: the first eight bytes of the SHA-256 of
-- the name of the key, a colon, and the organization.
alter table search_keys rename to former_search_keys;
alter table former_search_keys rename constraint search_keys_pkey to former_search_keys_pkey;

create table search_keys (
  space bigint not null,
  folded text collate "C" not null,
  stream text collate "C" not null,
  -- As it is, where folding has changed it.
  text text,
  -- What of a folded text comes behind its first 1,000 bytes.
  rest text,
  primary key (space, folded, stream)
-- Two of its rows are replaced when a person is renamed. Rows that are gone are removed before there are many, and
-- pages that were added are marked as visible to all, so that the index alone can be read.
) with (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.05
);

-- In order, because that fills the pages of the index.
insert into search_keys (space, folded, stream, text, rest)
select s.space, k.folded, k.stream, k.text, k.rest
from former_search_keys k
join (
  select organization, name, (
    'x' || left(encode(sha256(convert_to(name || ':' || organization, 'UTF8')), 'hex'), 16)
  )::bit(64)::bigint as space
  from (
    select distinct organization, name from former_search_keys
    where name not in ('', 'state', 'createdAt')
  ) as names
) as s using (organization, name)
-- Few people have a phone, and those without need no row.
where k.name <> 'phone' or k.folded <> ''
order by s.space, k.folded, k.stream;

drop table former_search_keys;
