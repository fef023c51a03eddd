import { StoreUnavailableError } from "../event-store.ts";

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

/** Extended result codes of a second row with the same key. */
const primaryKeyTaken = 1555;
const uniqueTaken = 2067;

/** Another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === code.busy;
}

/**
 * A commit that fails with it may have been made: the log is whole, but not known to be on the disk.
 * After a failed write (778) it is not whole: the record that ends a transaction is written last, and
 * bears a checksum. Source: sqlite.org/fileformat2.html, section 4
 */
export function leavesCommitOpen(error: unknown): boolean {
  return primaryCode(error) === code.ioError && errcode(error) !== writeFailed;
}

/** A row with the same key exists. */
export function isDuplicate(error: unknown): boolean {
  const extended = errcode(error);
  return extended === primaryKeyTaken || extended === uniqueTaken;
}

/**
 * What the port promises for an error of a transaction that was rolled back, or of a read:
 * StoreUnavailableError if it is about the database or a closed connection, else the error itself.
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
