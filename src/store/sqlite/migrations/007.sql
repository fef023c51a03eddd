-- There is a new search key, so the keys are written anew, also those that were not sorted yet.
delete from search_keys;
delete from unsorted_keys;
