-- A number for each key of each organization.
create table search_spaces (
  id integer primary key,
  organization text not null,
  name text not null,
  unique (organization, name)
) strict;

-- What streams are found by, in the order they are sorted in.
create table search_keys (
  space integer not null,
  folded text not null,
  stream text not null,
  -- As it is, where folding has changed it.
  text text,
  primary key (space, folded, stream)
) strict, without rowid;
