-- Row-id tables where rows are wide: without them SQLite keeps whole rows in the inner nodes of the
-- tree, which makes it deep; and an event is then written at the end, only its short key in between.

create table heads (
  stream text not null primary key,
  organization text not null,
  version integer not null,
  -- Id of the change that wrote this head.
  change text not null,
  created_at integer not null,
  changed_at integer not null,
  state text not null
) strict;

-- `change` has no index: whoever looks for a change knows the stream and version it would have.
create table events (
  stream text not null,
  version integer not null,
  change text not null,
  type text not null,
  data text not null,
  creator text not null,
  at integer not null,
  primary key (stream, version)
) strict;

create table claims (
  name text not null primary key,
  stream text not null
) strict, without rowid;

create index claims_by_stream on claims (stream);

create table organizations (
  id text not null primary key,
  name text not null unique,
  created_at integer not null
) strict;

create table service_accounts (
  id text not null primary key,
  organization text not null references organizations (id),
  name text not null,
  created_at integer not null,
  unique (organization, name)
) strict;

create table tokens (
  id text not null primary key,
  digest text not null unique,
  account text not null references service_accounts (id),
  created_at integer not null,
  expires_at integer,
  revoked_at integer
) strict;

create table memberships (
  subject text not null,
  -- Null: on the whole instance.
  organization text references organizations (id),
  role text not null
) strict;

-- Nulls are distinct to a plain unique constraint.
create unique index memberships_key on memberships (subject, ifnull(organization, ''), role);
