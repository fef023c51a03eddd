-- What streams are found by, in the order they are sorted in.
create table search_keys (
  organization text collate "C" not null,
  name text collate "C" not null,
  folded text collate "C" not null,
  stream text collate "C" not null,
  -- As it is, where folding has changed it.
  text text,
  primary key (organization, name, folded, stream)
);
