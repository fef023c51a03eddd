-- Of the call that the event comes from. Null: of none, or the event is older than this column.
alter table events add column request text;

-- Finds the receipts of a stream that is erased.
create index receipts_by_stream on receipts (stream);
