/**
 * Begins a transaction that sees what others have committed meanwhile, and does not fail because it lost a race. The
 * level is named, because the settings of a server or a database may have another one.
 */
export const beginReadCommitted = "begin isolation level read committed";
