-- Finds out whether a stream has a value, whatever the key: a value may be that of very many keys.
create index attributes_of_stream on attributes (stream, digest);
