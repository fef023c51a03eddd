import { outcomesFromResults, rowsFromNewStreams } from "../change/new-stream.ts";
import { type Micros, StoreUnavailableError } from "../event-store.ts";
import { headPageSql, pageFromRows } from "../sql/head-pages.ts";
import {
  progressFromRow,
  rejectedFromRow,
  selectProgress,
  selectRejected,
} from "../sql/import-notes.ts";
import type { Sql } from "../sql/sql.ts";
import type { HeadRange, Transfer } from "../transfer.ts";
import type { Sqlite } from "./database.ts";
import { unsortedBatch } from "./keys/unsorted-keys.ts";
import { withStoreErrors } from "./sqlite-error.ts";
import { readRows } from "./statement.ts";
import { createWriterThread } from "./thread/writer-thread.ts";

/**
 * Streams of a batch while nobody else writes: a page of an index that many of them change is written
 * once. The first who does waits for one, which takes less than a second.
 */
const aloneBatch = 8_000;
/** Each takes some 50 µs, and whoever writes, too, waits for all of them. */
const besideBatch = 1_000;

/**
 * Transfers of a SQLite file. Batches are written by a thread of its own, so that the next one can be
 * made meanwhile, and so that they give way to a server beside it.
 */
export function createSqliteTransfer(options: { database: Sqlite; now: () => Micros }): Transfer {
  const { database, now } = options;
  const { file, place } = database;
  if (file === undefined) throw new Error("a database in memory has nothing to transfer");
  const db = database.acquire();
  const writer = createWriterThread({ file, place }, { isBulk: true });
  const read = (whole: Sql) => withStoreErrors(() => readRows(db, whole));
  let isClosed = false;

  return {
    async write(streams, lines) {
      if (isClosed) throw new StoreUnavailableError("the store is closed");
      const at = now();
      const rows = rowsFromNewStreams(streams, at, () => undefined);
      const keys = unsortedBatch(streams, at, database.keysOf);
      return outcomesFromResults(streams, await writer.write(rows, { lines, keys }));
    },

    async complete() {
      // Whoever writes anything but a transfer sorts the keys first.
      await writer.write([]);
    },

    batchSize: () => (writer.isAlone() ? aloneBatch : besideBatch),

    async progress(source) {
      const [row] = read(selectProgress(source));
      return row && progressFromRow(row);
    },

    async rejected(source, behind) {
      const [row] = read(selectRejected(source, behind));
      return row && rejectedFromRow(row);
    },

    async heads<State>(range: HeadRange) {
      return pageFromRows<State>(read(headPageSql(range.after, range.limit)), range);
    },

    async close() {
      if (isClosed) return;
      isClosed = true;
      await writer.close();
      database.release();
    },
  };
}
