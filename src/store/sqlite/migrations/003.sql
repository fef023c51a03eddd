-- What streams are found by, in the order they are sorted in.
create table search_keys (
  organization text not null,
  name text not null,
  folded text not null,
  stream text not null,
  -- As it is, where folding has changed it.
  text text,
  primary key (organization, name, folded, stream)
) strict, without rowid;
