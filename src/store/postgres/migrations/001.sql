-- A database whose collation is "C" compares keys fastest; nothing here depends on it. JSON is kept as
-- text, so that it comes back as it was. Primary keys begin with what distributed engines hash well.

create table heads (
  stream text not null primary key,
  organization text not null,
  version bigint not null,
  -- Id of the change that wrote this head.
  change text not null,
  created_at bigint not null,
  changed_at bigint not null,
  state text not null
) with (fillfactor = 75); -- Room for the next versions of a row on its own page: no index is touched.

-- `change` has no index: whoever looks for a change knows the stream and version it would have.
create table events (
  stream text not null,
  version bigint not null,
  change text not null,
  type text not null,
  data text not null,
  creator text not null,
  at bigint not null,
  primary key (stream, version)
);

create table claims (
  name text not null primary key,
  stream text not null
);

create index claims_by_stream on claims (stream);

create table organizations (
  id text not null primary key,
  name text not null unique,
  created_at bigint not null
);

create table service_accounts (
  id text not null primary key,
  organization text not null references organizations (id),
  name text not null,
  created_at bigint not null,
  unique (organization, name)
);

create table tokens (
  id text not null primary key,
  digest text not null unique,
  account text not null references service_accounts (id),
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint
);

create table memberships (
  subject text not null,
  -- Null: on the whole instance.
  organization text references organizations (id),
  role text not null,
  -- In order of creation.
  number bigint generated always as identity
);

-- Nulls are distinct to a plain unique constraint.
create unique index memberships_key on memberships (subject, coalesce(organization, ''), role);
