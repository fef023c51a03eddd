-- Lines that imports have rejected, for each batch that had some: the next run tries them again.
create table import_rejects (
  source text not null,
  -- Lines up to the end of the batch, and their digest.
  lines integer not null,
  digest text not null,
  -- Pairs of first and last line, as JSON.
  rejected text not null,
  primary key (source, lines)
) strict;
