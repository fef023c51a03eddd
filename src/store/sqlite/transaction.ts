import type { DatabaseSync } from "node:sqlite";
import { OutcomeUnknownError } from "../event-store.ts";
import { isSyncFailure, leavesCommitOpen, SyncFailedError } from "./sqlite-error.ts";

/**
 * Run `work` in one write transaction.
 *
 * Some errors (disk full, I/O) make SQLite roll back by itself, and further statements would then run
 * outside any transaction. So every error ends the whole transaction.
 *
 * @throws What `work` throws, and SQLite's errors: nothing was stored.
 * @throws OutcomeUnknownError if the disk failed during the commit: the recovery after a crash may
 *   still find the transaction in the log. It is SyncFailedError if nothing more may be written.
 */
export function transact<Result>(db: DatabaseSync, work: () => Result): Result {
  db.exec("begin immediate");
  let committing = false;
  try {
    const result = work();
    committing = true;
    db.exec("commit");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("rollback");
    if (isSyncFailure(error)) throw new SyncFailedError(syncFailure(error), { cause: error });
    if (!committing || !leavesCommitOpen(error)) throw error;
    throw new OutcomeUnknownError("the disk failed during the commit", { cause: error });
  }
}

const syncFailure = (error: unknown) =>
  `the disk could not keep what was written: ${(error as Error).message}`;
