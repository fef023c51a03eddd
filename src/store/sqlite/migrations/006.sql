-- Named values beside a stream. No head carries them, so a change that is not about them does not read them.
-- A row-id table, because rows are wide. The value comes last, so that the other columns are found in the
-- first page of a row.
create table attributes (
  stream text not null,
  key text not null,
  organization text not null,
  -- Of the event that set it last.
  version integer not null,
  created_at integer not null,
  changed_at integer not null,
  -- SHA-256 of the value: an index holds it in place of long values.
  digest blob not null,
  value blob not null,
  primary key (stream, key)
) strict;

-- One index finds a key, the other a value, or a key and a value.
create index attributes_by_key on attributes (organization, key, stream);

create index attributes_by_value on attributes (organization, digest, key, stream);
