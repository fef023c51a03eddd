-- Texts are folded anew, so the keys are written anew.
truncate search_keys;

-- Names that a stream claimed, and lost when they were folded anew: another stream holds them.
create table lost_claims (
  stream text collate "C" not null,
  name text collate "C" not null,
  primary key (stream, name)
);
