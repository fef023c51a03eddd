import type { DatabaseSync } from "node:sqlite";
import type { AppendResult } from "../change/append.ts";
import { type AppendRow, eventRows, versionBefore } from "../change/append-row.ts";
import { rejectedLines } from "../sql/import-notes.ts";
import type { BatchLines } from "../transfer.ts";
import { createAttributeWriter } from "./attributes.ts";
import { moveImport, noteRejected } from "./import-notes.ts";
import { createInsert } from "./keys/insert-rows.ts";
import { createKeyWriter } from "./keys/key-writer.ts";
import { createUnsortedKeys, type UnsortedBatch } from "./keys/unsorted-keys.ts";
import { transact } from "./transaction.ts";

/** What a transfer writes besides the rows. */
export type Bulk = {
  readonly lines: BatchLines;
  /** Of the streams, in the order of the rows, which have none themselves. */
  readonly keys: UnsortedBatch;
};

/** After the batch, the keys of at most `maxUnsorted` streams stay unsorted. */
type BulkWithin = Bulk & { readonly maxUnsorted: number };

/**
 * Prepare to write batches on a connection.
 *
 * @returns Writes all rows in one transaction, rows of one stream in order, and returns a result for
 *   each. A row that conflicts writes nothing and leaves the others alone. If it throws, nothing was
 *   stored, unless it is OutcomeUnknownError.
 */
export function createBatchWriter(
  db: DatabaseSync,
): (rows: readonly AppendRow[], bulk?: BulkWithin) => AppendResult[] {
  const write = createRowWriter(db);
  const insertEvents = createInsert(
    db,
    "events (stream, version, change, type, data, creator, at)",
    "?, ?, ?, ?, ?, ?, ?",
  );
  const keys = createKeyWriter(db);
  const writeAttributes = createAttributeWriter(db);
  const unsorted = createUnsortedKeys(db);

  return (rows, bulk) =>
    transact(db, () => {
      if (bulk !== undefined) moveImport(db, bulk.lines);
      const results: AppendResult[] = [];
      const entries = [...rows.entries()];
      // If two lines of an import want the same unique key, the first must get it, so they keep their order.
      if (bulk === undefined) entries.sort(byStream);
      const appended: AppendRow[] = [];
      for (const [index, row] of entries) {
        const result = write(row);
        results[index] = result;
        if (result === "appended") appended.push(row);
      }
      insertEvents(eventRows(appended));
      writeAttributes(appended);
      if (bulk === undefined) {
        if (unsorted.count() > 0) unsorted.sort();
        keys.write(appended);
      } else {
        const firsts = results.filter((_, index) => rows[index]?.after === undefined);
        const isStored = firsts.map((result) => result === "appended");
        unsorted.add(bulk.keys, isStored);
        if (unsorted.count() > bulk.maxUnsorted) unsorted.sort();
        noteRejected(db, bulk.lines, rejectedLines(bulk.lines, isStored));
      }
      return results;
    });
}

/** Streams with similar ids share pages. The sort is stable, so rows of one stream keep their order. */
function byStream([, a]: [number, AppendRow], [, b]: [number, AppendRow]): number {
  if (a.stream === b.stream) return 0;
  return a.stream < b.stream ? -1 : 1;
}

/** Prepare to write a row, without its events and its search keys. */
function createRowWriter(db: DatabaseSync): (row: AppendRow) => AppendResult {
  const isCurrent = db.prepare(
    "select 1 from heads where stream = ? and organization = ? and version = ? and change = ?",
  );
  const isTaken = db.prepare("select 1 from claims where name = ? and stream <> ?");
  const insertHead = db.prepare(
    `insert into heads (stream, organization, version, change, created_at, changed_at, state)
     values (?, ?, ?, ?, ?, ?, ?) on conflict (stream) do nothing`,
  );
  const updateHead = db.prepare(
    `update heads set version = ?, change = ?, changed_at = ?, state = ?
     where stream = ? and organization = ? and version = ? and change = ?`,
  );
  const deleteHead = db.prepare("delete from heads where stream = ?");
  const releaseUniqueKeys = db.prepare("delete from claims where stream = ?");
  const insertUniqueKey = db.prepare(
    "insert into claims (name, stream) values (?, ?) on conflict (name) do nothing",
  );

  /** @returns Whether no other stream holds one of the unique keys. */
  function insertUniqueKeys(stream: string, names: ReadonlySet<string>): boolean {
    for (const name of names) if (insertUniqueKey.run(name, stream).changes === 0) return false;
    return true;
  }

  /** A conflict is rare for a new stream, so it is written first and deleted again after a conflict. */
  function beginStream(row: AppendRow): AppendResult {
    const { stream, organization, version, change, createdAt, changedAt, state, uniqueKeys } = row;
    const head = [stream, organization, version, change, createdAt, changedAt, state] as const;
    if (insertHead.run(...head).changes === 0) return "conflict";
    if (!insertUniqueKeys(stream, new Set(uniqueKeys))) {
      releaseUniqueKeys.run(stream);
      deleteHead.run(stream);
      return "unique-key-taken";
    }
    return "appended";
  }

  function extendStream(row: AppendRow, after: string): AppendResult {
    const { stream, organization, version, change, changedAt, state } = row;
    const before = [stream, organization, versionBefore(row), after] as const;
    const uniqueKeys = row.uniqueKeys && new Set(row.uniqueKeys);
    if (uniqueKeys !== undefined) {
      if (isCurrent.get(...before) === undefined) return "conflict";
      if ([...uniqueKeys].some((name) => isTaken.get(name, stream) !== undefined))
        return "unique-key-taken";
    }
    if (updateHead.run(version, change, changedAt, state, ...before).changes === 0) {
      return "conflict";
    }
    if (uniqueKeys !== undefined) {
      releaseUniqueKeys.run(stream);
      insertUniqueKeys(stream, uniqueKeys);
    }
    return "appended";
  }

  return (row) => (row.after === undefined ? beginStream(row) : extendStream(row, row.after));
}
