-- There is a new search key, so the keys are written anew.
truncate search_keys;
