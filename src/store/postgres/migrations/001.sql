-- Byte order ("C"): keys are opaque, and comparing them by a language's rules costs time. The first
-- column of every primary key spreads evenly, for engines that distribute rows by its hash.

create table heads (
  stream text collate "C" not null primary key,
  organization text not null,
  version bigint not null,
  -- Id of the change that wrote this head, and of the one it was decided on.
  change uuid not null,
  after uuid,
  created_at bigint not null,
  changed_at bigint not null,
  state text not null
) with (fillfactor = 70);

-- `change` has no index: whoever looks for a change knows the stream and version it would have, and
-- the head admits each change once.
create table events (
  stream text collate "C" not null,
  version bigint not null,
  change uuid not null,
  type text not null,
  data text not null,
  creator text not null,
  at bigint not null,
  primary key (stream, version)
);

create table claims (
  name text collate "C" not null primary key,
  stream text collate "C" not null
);

create index claims_by_stream on claims (stream);

create table organizations (
  id text collate "C" not null primary key,
  name text not null unique,
  created_at bigint not null,
  -- Of its creation among all records. Not without gaps.
  ordinal bigserial not null
);

-- One row, once there was a first organization: only one of two founders can write it.
create table founded (
  once boolean not null primary key
);

create table service_accounts (
  id text collate "C" not null primary key,
  organization text collate "C" not null references organizations (id),
  name text not null,
  created_at bigint not null,
  unique (organization, name)
);

create table tokens (
  id text collate "C" not null primary key,
  digest text collate "C" not null unique,
  account text collate "C" not null references service_accounts (id),
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint,
  ordinal bigserial not null
);

create table memberships (
  subject text collate "C" not null,
  -- Null: on the whole instance.
  organization text collate "C" references organizations (id),
  role text not null,
  ordinal bigserial not null primary key
);

-- Nulls are distinct to a plain unique constraint.
create unique index memberships_key on memberships (subject, coalesce(organization, ''), role);
