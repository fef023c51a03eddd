import type { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { isSyncFailure, SyncFailedError } from "../sqlite-error.ts";

/** How long an erasure waits for readers, whose pages must stay in the log until they have ended. */
const maxWaitMs = 1_000;
const pauseMs = 5;

/** Empties the log of a database. */
export type LogEmptier = {
  /** Wait for readers if they are in the way, but not for long. */
  emptySoon(): Promise<void>;
  /** Try once, if `emptySoon` has not succeeded. */
  emptyLate(): void;
};

/**
 * Move what the write-ahead log has into the database file, and cut the log. The log still has the pages as they were
 * before an erasure, and SQLite would overwrite them sometime.
 */
export function createLogEmptier(db: DatabaseSync): LogEmptier {
  const checkpoint = db.prepare("pragma wal_checkpoint(truncate)");
  let isDue = false;

  /**
   * An error must not fail the batch, which is stored already. The next write meets the same disk.
   *
   * @throws SyncFailedError: there must be no next write.
   */
  function empty(): boolean {
    try {
      return checkpoint.get()?.busy === 0;
    } catch (error) {
      if (isSyncFailure(error))
        throw new SyncFailedError((error as Error).message, { cause: error });
      return false;
    }
  }

  return {
    async emptySoon() {
      isDue = true;
      for (let waitedMs = 0; !empty(); waitedMs += pauseMs) {
        if (waitedMs >= maxWaitMs) return;
        await pause(pauseMs);
      }
      isDue = false;
    },
    emptyLate() {
      if (isDue) isDue = !empty();
    },
  };
}
