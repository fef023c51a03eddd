-- The names of the latest receipts stand in the log of receipts alone. They wait there until there are many, because
-- many names in order share the pages of receipt_names. An earlier release would miss them, so it must refuse the
-- database.
create table receipt_sorting (
  -- The names of all receipts up to here stand in receipt_names. Of those behind it, some do.
  position integer not null,
  -- Another one whenever receipts are added or removed.
  mark integer not null
) strict;

insert into receipt_sorting (position, mark)
select coalesce(max(position), 0), 0 from receipts where position > 0;
