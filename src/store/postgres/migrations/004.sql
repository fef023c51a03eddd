-- Texts are folded anew, so the keys are written anew.
truncate search_keys;

-- What of a folded text comes behind its first 1,000 bytes: a row of an index has at most 2,704. The
-- column `text` is then never null.
alter table search_keys add column rest text;

-- Names that a stream claimed, and lost when they were folded anew: another stream holds them.
create table lost_claims (
  stream text collate "C" not null,
  name text collate "C" not null,
  primary key (stream, name)
);
