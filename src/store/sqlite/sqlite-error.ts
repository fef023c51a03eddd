import { OutcomeUnknownError, StoreUnavailableError } from "../event-store.ts";

/** Primary result codes, the low byte of `errcode`. Source: sqlite.org/rescode.html */
const code = {
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  interrupt: 9,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
};
const unavailable = new Set(Object.values(code));

/** Extended result code of a write that failed, as it does beyond a limit on the size of files. */
const writeFailed = 778;

/** Extended result codes of a file and of a folder that could not be synced. */
const syncFailed = new Set([1034, 1290]);

/** Extended result codes of a second row with the same key. */
const primaryKeyTaken = 1555;
const uniqueTaken = 2067;

/** Another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === code.busy;
}

/**
 * Whether a commit that fails with this error may have been made. After most I/O errors the log is complete,
 * but may not be on the disk. After a failed write (778) it is not complete, because the record that ends a
 * transaction is written last, with a checksum. Source: sqlite.org/fileformat2.html, section 4
 */
export function leavesCommitOpen(error: unknown): boolean {
  return primaryCode(error) === code.ioError && errcode(error) !== writeFailed;
}

/**
 * The system could not sync a file of the database, so what it was given may be lost. It forgets that: if it is asked
 * again, it says that all is well. So nothing may be written any more, and the next process has to find out what is there.
 */
export class SyncFailedError extends OutcomeUnknownError {}

/** Whether the system could not sync a file. */
export function isSyncFailure(error: unknown): boolean {
  return syncFailed.has(errcode(error) ?? 0);
}

/** A row with the same key exists. */
export function isDuplicate(error: unknown): boolean {
  const extended = errcode(error);
  return extended === primaryKeyTaken || extended === uniqueTaken;
}

/**
 * The error that the port promises for a read, or for a transaction that was rolled back:
 * StoreUnavailableError if the database or a closed connection is the cause, otherwise the error itself.
 */
export function storeErrorFrom(error: unknown): unknown {
  const primary = primaryCode(error);
  const closed = error instanceof Error && "code" in error && error.code === "ERR_INVALID_STATE";
  if (!closed && (primary === undefined || !unavailable.has(primary))) return error;
  return new StoreUnavailableError(`SQLite: ${(error as Error).message}`, { cause: error });
}

/** Run a read, or a transaction, and throw what `storeErrorFrom` makes of its error. */
export function withStoreErrors<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw storeErrorFrom(error);
  }
}

function primaryCode(error: unknown): number | undefined {
  const extended = errcode(error);
  return extended === undefined ? undefined : extended & 0xff;
}

function errcode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}
