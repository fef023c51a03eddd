-- Texts are folded anew, so the keys are written anew. There were three kinds of databases of version 3
-- (the file of that step was edited twice); from here on there is one.
drop table if exists unsorted_keys;
drop table if exists search_spaces;
drop table search_keys;

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

-- Keys of imported streams that are not among the others yet, which takes them in sorted order.
create table unsorted_keys (
  id integer primary key,
  organization text not null,
  stream text not null,
  -- Texts by name, as SQLite keeps JSON.
  texts blob not null,
  -- Folded texts by name. Null: all texts are ASCII, and SQLite can fold them.
  folded blob
) strict;

-- Names that a stream claimed, and lost when they were folded anew: another stream holds them.
create table lost_claims (
  stream text not null,
  name text not null,
  primary key (stream, name)
) strict, without rowid;
