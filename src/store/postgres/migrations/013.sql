-- States and events that are stored from here on lack the members that nearly all have with the same value. An earlier
-- release would miss them, so it must refuse the database.
-- The tables stay as they are: their change is one of SQLite, whose pages are written as a whole.
select 1;
