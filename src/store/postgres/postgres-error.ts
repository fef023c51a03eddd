import { StoreUnavailableError } from "../event-store.ts";

/** Source: postgresql.org/docs/current/errcodes-appendix.html */
const state = {
  warning: "01000",
  connectionFailures: "08",
  uniqueViolation: "23505",
  readOnlyTransaction: "25006",
  serializationFailure: "40001",
  deadlockDetected: "40P01",
  undefinedTable: "42P01",
  duplicateTable: "42P07",
  insufficientResources: "53",
  lockNotAvailable: "55P03",
  queryCanceled: "57014",
  adminShutdown: "57P01",
  crashShutdown: "57P02",
  cannotConnectNow: "57P03",
  databaseDropped: "57P04",
  idleSessionTimeout: "57P05",
  idleInTransactionTimeout: "25P03",
  systemErrors: "58",
  internalErrors: "XX",
} as const;

/**
 * What an error of a statement means for it.
 *
 * - "again": it lost to another transaction and was rolled back; run it again
 * - "moved": this server does not write any more; it was rolled back; run it on another connection
 * - "lost": the connection is gone, and nobody told how the statement ended
 * - "refused": the server cannot do it now; it was rolled back
 * - "failed": it is about the statement itself; it was rolled back
 */
export type Failure = "again" | "moved" | "lost" | "refused" | "failed";

/** By SQLSTATE, or by its class: the first two characters. */
const failures: Readonly<Record<string, Failure>> = {
  [state.serializationFailure]: "again",
  [state.deadlockDetected]: "again",
  [state.uniqueViolation]: "again",
  [state.lockNotAvailable]: "refused",
  [state.queryCanceled]: "refused",
  [state.readOnlyTransaction]: "moved",
  [state.cannotConnectNow]: "moved",
  [state.adminShutdown]: "lost",
  [state.crashShutdown]: "lost",
  [state.databaseDropped]: "lost",
  [state.idleSessionTimeout]: "lost",
  [state.idleInTransactionTimeout]: "lost",
  [state.connectionFailures]: "lost",
  [state.insufficientResources]: "refused",
  [state.systemErrors]: "refused",
  [state.internalErrors]: "refused",
};

/**
 * What became of a statement that was sent and failed with this error.
 *
 * An error without SQLSTATE comes from the socket or the driver: a connection that was reset or
 * closed, or an answer that did not come in time. An end of the session that the server announces
 * (57P01 and its kin) is "lost" too: it may come after the commit, while that waits for a standby.
 */
export function failureFromError(error: unknown): Failure {
  const code = sqlState(error);
  if (code === undefined) return "lost";
  return failures[code] ?? failures[code.slice(0, 2)] ?? "failed";
}

/** A row with the same key exists. */
export function isDuplicate(error: unknown): boolean {
  return sqlState(error) === state.uniqueViolation;
}

/** The table does not exist. */
export function isUndefinedTable(error: unknown): boolean {
  return sqlState(error) === state.undefinedTable;
}

/** Somebody else creates or has created the table: the catalogue's own keys collide in a race. */
export function isDuplicateTable(error: unknown): boolean {
  return sqlState(error) === state.duplicateTable || isDuplicate(error);
}

/**
 * The server committed, but did not wait for its standby to have the commit ("The transaction has
 * already committed locally, but might not have been replicated to the standby").
 */
export function isReplicationWarning(notice: { readonly code?: string | undefined }): boolean {
  return notice.code === state.warning;
}

/**
 * What the port promises for an error of a read, or of a transaction that was rolled back:
 * StoreUnavailableError if it is about the database, else the error itself.
 */
export function storeErrorFrom(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreUnavailableError) return error;
  if (failureFromError(error) === "failed" || isDuplicate(error)) return error;
  return new StoreUnavailableError(`PostgreSQL: ${error.message}`, { cause: error });
}

/** `undefined` for what the server did not say. Codes of Node, such as EPIPE, have no digit. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
