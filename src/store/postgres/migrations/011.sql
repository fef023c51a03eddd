-- In the order of all events. Null: the event was stored after the feed was read last, which gives it its position.
alter table events add column position bigint;

-- To index a large table takes longer than a statement may.
set local statement_timeout = 0;

-- Events without a position are at its end, where a new one takes seven bytes.
create index events_by_position on events (position);

-- One row: the last position that was given. Whoever gives positions locks it.
create table last_positions (
  once boolean not null primary key,
  position bigint not null
);

insert into last_positions (once, position) values (true, 0);
