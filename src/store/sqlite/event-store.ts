import type { DatabaseSync } from "node:sqlite";
import type { FoundAttributes, OutlinedAttributes } from "../attributes.ts";
import { rowFromAppend } from "../change/append-row.ts";
import { createBatcher, endOfCallback } from "../change/batch/batcher.ts";
import { sizeOfItem } from "../change/batch/item-size.ts";
import { createChangeAll } from "../change/change-all.ts";
import { createStreamQueue } from "../change/queue/stream-queue.ts";
import { createReceiptKeeper, type ReceiptBounds } from "../change/receipt-keeper.ts";
import type { EventStore, Head, Micros } from "../event-store.ts";
import type { StoreObserver } from "../observer.ts";
import { eventFromRow, headColumns, headFromRow, outlinedEventFromRow } from "../sql/rows.ts";
import { createBatchWriter } from "./append/append-batch.ts";
import { createJointCommit } from "./append/joint-change.ts";
import { createReceiptReader } from "./append/receipts.ts";
import { createAttributeReader } from "./attributes.ts";
import type { Sqlite } from "./database.ts";
import { type HasEvent, prepareHasEvent, prepareHistory } from "./events/history.ts";
import { assertInPlace } from "./file/place.ts";
import { createUnsortedKeys } from "./keys/unsorted-keys.ts";
import { createSqliteSearch } from "./search.ts";
import { withStoreErrors } from "./sqlite-error.ts";
import { createWriterThread, type ResultOf, type WriterThread } from "./thread/writer-thread.ts";
import { createTipReader } from "./tips.ts";
import { transact } from "./transaction.ts";

type Options = {
  readonly database: Sqlite;
  readonly now: () => Micros;
  readonly observer?: StoreObserver | undefined;
  readonly receipts?: ReceiptBounds;
  /**
   * Called once if the disk could not keep what was written. From then on nothing is written, and the process has
   * to end, so that the next one finds out what is there.
   */
  readonly onSyncFailure?: (error: Error) => void;
};

/**
 * An event store in a SQLite database.
 *
 * A file is written by a thread of its own and read on the calling thread. A database in memory has only
 * one connection and no disk to wait for, so the calling thread writes it, too.
 */
export function createSqliteEventStore(options: Options): EventStore {
  const { database } = options;
  const db = database.acquire();
  const statements = prepareStatements(db);

  // An import that was interrupted may have left unsorted keys.
  const unsorted = createUnsortedKeys(db);
  withStoreErrors(() => !unsorted.isEmpty() && transact(db, unsorted.sort));

  const searching = createSqliteSearch(database, db);
  const writing = createWriting(options, db);

  async function close(): Promise<void> {
    await writing.close();
    await searching.close();
    database.release();
  }
  let closing: Promise<void> | undefined;

  return {
    change: writing.change,
    changeAll: writing.changeAll,
    receipts: writing.receipts,
    search: searching.search,
    ...createReads(database, db, statements),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** What changes and receipts pass through. */
function createWriting(options: Options, db: DatabaseSync) {
  const { database, now, observer, receipts: bounds, onSyncFailure } = options;
  const { isThere, ...receiptReader } = createReceiptReader(db);
  const resultOf = resultOfItems(prepareHasEvent(db), isThere);
  const writer = createWriter(database, db, { resultOf, onSyncFailure });
  // All heads of one turn are loaded in one callback, so what is decided on them comes within one.
  const commits = createBatcher(writer.write, {
    ended: observer?.committed,
    sizeOf: sizeOfItem,
    collect: endOfCallback,
  });
  // Heads are loaded in batches because SQLite reads the upper pages of the index again after each commit.
  const load = createTipReader(db);
  const loads = createBatcher(async (streams: readonly string[]) => load(streams));
  const receipts = createReceiptKeeper({
    ...receiptReader,
    readsAhead: false,
    looksFirst: false,
    write: (item, name) => commits.add(item, name),
    now,
    ...bounds,
  });
  const { keysOf } = database;
  const commitAll = createJointCommit({ load, write: commits.add, keysOf, now, observer });
  const queue = createStreamQueue({
    load: (stream) => loads.add(stream, stream),
    async append(append, signal) {
      return commits.add(rowFromAppend(append, keysOf), append.stream, signal);
    },
    commitAll,
    now,
    observer,
  });
  const changeAll = createChangeAll(queue, commitAll);

  async function close(): Promise<void> {
    await queue.close();
    await receipts.close();
    await Promise.all([commits.close(), loads.close()]);
    await writer.close();
  }

  return { change: queue.change, changeAll, receipts, close };
}

function createWriter(
  { file, place }: Sqlite,
  db: DatabaseSync,
  options: Parameters<typeof createWriterThread>[1],
): Writer {
  return file === undefined
    ? createWriterHere(createBatchWriter(db))
    : createWriterThread({ file, place }, options);
}

/** What became of an item whose batch ended in a way that leaves its outcome open. */
function resultOfItems(
  hasEvent: HasEvent,
  isThere: ReturnType<typeof createReceiptReader>["isThere"],
): ResultOf {
  return (item) => {
    if ("before" in item) return undefined;
    if ("lone" in item) {
      // Whose receipt it is can be read.
      const [owner, name] = item.lone;
      return isThere({ owner, name }) ? "receipt-taken" : undefined;
    }
    // All of them are stored, or none is.
    const [first] = "joint" in item ? item.joint : [item];
    if (first === undefined) return undefined;
    return hasEvent(first) ? "appended" : undefined;
  };
}

type Reads = Omit<EventStore, "change" | "changeAll" | "receipts" | "search" | "close">;

function createReads({ place }: Sqlite, db: DatabaseSync, statements: Statements): Reads {
  const attributes = createAttributeReader(db);
  const history = prepareHistory(db);
  return {
    async load<State>(stream: string, organization: string) {
      const row = withStoreErrors(() => statements.selectHead.get(stream, organization));
      return row && (headFromRow(row) as Head<State>);
    },

    async loadOnInstance<State>(stream: string) {
      const row = withStoreErrors(() => statements.selectHeadOnInstance.get(stream));
      return row && (headFromRow(row) as Head<State>);
    },

    async outlineAttributes<State>(stream: string, organization: string) {
      const outlined = withStoreErrors(() => attributes.outline(stream, organization));
      return outlined as OutlinedAttributes<State> | undefined;
    },

    async findAttributes<State>(...wanted: Parameters<EventStore["findAttributes"]>) {
      const found = withStoreErrors(() => attributes.find(...wanted));
      return found as FoundAttributes<State> | undefined;
    },

    async readAttributes(stream, organization, keys) {
      return withStoreErrors(() => attributes.read(stream, organization, keys));
    },

    async history(stream, organization, range) {
      return withStoreErrors(() => history.whole(stream, organization, range).map(eventFromRow));
    },

    async outlineHistory(stream, organization, range) {
      const read = () => history.outline(stream, organization, range).map(outlinedEventFromRow);
      return withStoreErrors(read);
    },

    async locate(uniqueKey: string) {
      const row = withStoreErrors(() => statements.selectUniqueKey.get(uniqueKey));
      return row && { stream: String(row.stream), organization: String(row.organization) };
    },

    async ping() {
      assertInPlace(place);
      withStoreErrors(() => statements.selectAnything.get());
    },
  };
}

type Writer = Pick<WriterThread, "write" | "close">;

/**
 * The calling thread as the writer. It lets a turn of the event loop pass before each batch, because the next batch begins
 * as soon as one has ended, and sockets and timers must not wait for the last of them.
 */
function createWriterHere(writeBatch: ReturnType<typeof createBatchWriter>): Writer {
  return {
    async write(items) {
      await new Promise(setImmediate);
      return withStoreErrors(() => writeBatch(items));
    },
    async close() {},
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: DatabaseSync) {
  const selectHead = db.prepare(
    `select ${headColumns} from heads where stream = ? and organization = ?`,
  );
  const selectHeadOnInstance = db.prepare(`select ${headColumns} from heads where stream = ?`);
  const selectUniqueKey = db.prepare(
    `select stream, organization from claims join heads using (stream) where name = ?`,
  );
  const selectAnything = db.prepare("select 1 from heads limit 1");
  return {
    selectHead,
    selectHeadOnInstance,
    selectUniqueKey,
    selectAnything,
  };
}
