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
