import { firstRows, outcomeFromResult, rowsFromNewStreams } from "../change/new-stream.ts";
import { createSequence } from "../change/one-after-another.ts";
import { type Micros, StoreUnavailableError } from "../event-store.ts";
import { headPageSql, pageFromRows } from "../sql/head-pages.ts";
import {
  progressFromRow,
  rejectedFromRow,
  selectProgress,
  selectRejected,
} from "../sql/import-notes.ts";
import { latestFromRows, tipColumns } from "../sql/rows.ts";
import { raw, type Sql, sql } from "../sql/sql.ts";
import type { HeadRange, NewStream, Transfer } from "../transfer.ts";
import { createAttributeReader } from "./attributes.ts";
import { type PackedStreams, packStreams } from "./bulk/packed-streams.ts";
import type { Sqlite } from "./database.ts";
import { unsortedBatch } from "./keys/unsorted-keys.ts";
import { withStoreErrors } from "./sqlite-error.ts";
import { readRows } from "./statement.ts";
import { createWriterThread } from "./thread/writer-thread.ts";

/**
 * Streams of a batch while no other process writes. In a large batch many streams change the same pages of
 * an index, and each page is written once. Another process that begins to write waits for one such batch,
 * which takes less than a second.
 */
const aloneBatch = 8_000;
/** Streams of a batch beside other writers. Each takes about 50 µs, and the others wait for the whole batch. */
const besideBatch = 1_000;

/** The keys of new streams are written by themselves. */
const hasKeys = ({ after }: NewStream) => after !== undefined;

/**
 * Transfers of a SQLite file. A thread of its own writes the batches, so that the next batch can be
 * prepared meanwhile. It pauses between batches if a server uses the same file.
 */
export function createSqliteTransfer(options: { database: Sqlite; now: () => Micros }): Transfer {
  const { database, now } = options;
  const { file, place } = database;
  if (file === undefined) throw new Error("a database in memory has nothing to transfer");
  const db = database.acquire();
  const writer = createWriterThread({ file, place }, { isBulk: true });
  const read = (whole: Sql) => withStoreErrors(() => readRows(db, whole));
  const attributes = createAttributeReader(db);
  const inOrder = createSequence();
  let ready: PackedStreams[] = [];
  let isClosed = false;

  return {
    prepare(streams) {
      const at = now();
      const rows = rowsFromNewStreams(streams, at, database.keysOf, hasKeys);
      const keys = unsortedBatch(streams, at, database.keysOf);
      ready.push(packStreams({ rows, firsts: firstRows(streams, 0), keys }));
    },

    async write(lines) {
      if (isClosed) throw new StoreUnavailableError("the store is closed");
      const parts = ready;
      ready = [];
      const results = await inOrder(() => writer.writeBulk({ lines, parts }));
      return results.map(outcomeFromResult);
    },

    async complete() {
      // A batch that is not of a transfer sorts the keys first; this one does nothing else.
      await inOrder(() => writer.write([]));
    },

    batchSize: () => (writer.isAlone() ? aloneBatch : besideBatch),

    async latest(streams) {
      const ids = JSON.stringify(streams);
      const rows = sql`select ${raw(tipColumns)} from heads
        where stream in (select value from json_each(${ids}))`;
      return latestFromRows(read(rows));
    },

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

    async attributes<State>(stream: string) {
      return withStoreErrors(() => attributes.withHead<State>(stream));
    },

    async close() {
      if (isClosed) return;
      isClosed = true;
      await writer.close();
      database.release();
    },
  };
}
