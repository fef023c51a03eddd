-- Nothing changes: the step is one of SQLite, whose pages are written as a whole.
select 1;
