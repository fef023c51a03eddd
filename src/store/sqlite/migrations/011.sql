-- Events become one log, which is written at its end alone. A position rises in the order in which events are
-- stored, never changes, and is never used again.
alter table events rename to unordered_events;

create table events (
  position integer primary key autoincrement,
  -- Position of the event before it in its stream. Null: there is none.
  previous integer,
  stream text not null,
  version integer not null,
  change text not null,
  type text not null,
  creator text not null,
  at integer not null,
  -- Of the call that the event comes from. Null: of none, or the event is older than this column.
  request text,
  -- Comes last, so that the other columns are found in the first page of a row.
  data text not null
) strict;

-- Where the history of a stream can be entered: the first event of every 64 versions.
create table event_marks (
  stream text not null,
  version integer not null,
  position integer not null,
  primary key (stream, version)
) strict, without rowid;

-- Position of the latest event. Null: there is none.
alter table heads add column position integer;

update heads set position = (
  select e.rowid from unordered_events e where e.stream = heads.stream order by e.version desc limit 1
);

create table temp.links (
  position integer primary key,
  previous integer not null
) strict;

insert into temp.links (position, previous)
select position, previous from (
  select rowid as position, lag(rowid) over (partition by stream order by version) as previous
  from unordered_events
) where previous is not null;

insert into events (position, previous, stream, version, change, type, creator, at, request, data)
select e.rowid, l.previous, e.stream, e.version, e.change, e.type, e.creator, e.at, e.request, e.data
from unordered_events e left join temp.links l on l.position = e.rowid
order by e.rowid;

insert into event_marks (stream, version, position)
select stream, version, position from (
  select stream, version, rowid as position,
    lag(version, 1, 0) over (partition by stream order by version) as before
  from unordered_events
) where version / 64 > before / 64;

drop table temp.links;

drop table unordered_events;
