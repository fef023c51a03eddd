-- Named values beside a stream. No head carries them, so a change that is not about them does not read them.
create table attributes (
  stream text collate "C" not null,
  key text collate "C" not null,
  organization text collate "C" not null,
  -- Of the event that set it last.
  version bigint not null,
  created_at bigint not null,
  changed_at bigint not null,
  -- SHA-256 of the value: an index holds it in place of long values.
  digest bytea not null,
  value bytea not null,
  primary key (stream, key)
);

-- One index finds a key, the other a value, or a key and a value.
create index attributes_by_key on attributes (organization, key, stream);

create index attributes_by_value on attributes (organization, digest, key, stream);
