-- How far imports have come.
create table imports (
  source text not null primary key,
  lines bigint not null,
  digest text not null
);
