import type { DatabaseSync } from "node:sqlite";
import type { AppendResult } from "../../change/append.ts";
import { type AppendRow, versionBefore } from "../../change/append-row.ts";
import {
  type BatchItem,
  type JointRows,
  resultsInOrder,
  sortedBatch,
} from "../../change/batch/batch-item.ts";
import { createAttributeWriter } from "../attributes.ts";
import { createEraser } from "../events/erase.ts";
import { createEventLog, type EventLog, type Position } from "../events/event-log.ts";
import { createCountWriter } from "../keys/count-writer.ts";
import { createKeyWriter } from "../keys/key-writer.ts";
import { createUniqueKeyWriter } from "../keys/unique-key-writer.ts";
import { createUnsortedKeys } from "../keys/unsorted-keys.ts";
import { transact } from "../transaction.ts";
import { createReceiptWriter, type ReceiptWriter } from "./receipts.ts";

/**
 * Prepare to write batches on a connection.
 *
 * @returns Writes all items in one transaction, rows of one stream in order, and returns a result for
 *   each. A row that conflicts writes nothing and leaves the others alone. If it throws, nothing was
 *   stored, unless it is OutcomeUnknownError.
 */
export function createBatchWriter(
  db: DatabaseSync,
): (items: readonly BatchItem[]) => AppendResult[] {
  const receipts = createReceiptWriter(db);
  const log = createEventLog(db);
  const write = createRowWriter(db, log, receipts);
  const keys = createKeyWriter(db);
  const counts = createCountWriter(db);
  const writeAttributes = createAttributeWriter(db);
  const unsorted = createUnsortedKeys(db);
  const erase = createEraser(db, receipts);

  /** Writes all rows, or none. */
  function writeJoint({ joint: rows }: JointRows, appended: AppendRow[]): AppendResult {
    if (rows.some(({ receipt }) => receipt !== undefined)) receipts.refresh();
    db.exec("savepoint joint");
    const [logged, received] = [log.size(), receipts.size()];
    for (const row of rows) {
      const result = write(row);
      if (result === "appended") continue;
      db.exec("rollback to joint; release joint");
      log.truncate(logged);
      receipts.truncate(received);
      return result;
    }
    db.exec("release joint");
    appended.push(...rows);
    return "appended";
  }

  return (items) =>
    transact(db, () => {
      log.begin();
      receipts.begin();
      const { appends, joint, lone, removals } = sortedBatch(items);
      const results = new Map<BatchItem, AppendResult>();
      const appended: AppendRow[] = [];
      for (const row of appends.toSorted(byStream)) {
        const result = write(row);
        results.set(row, result);
        if (result === "appended") appended.push(row);
      }
      for (const item of joint) results.set(item, writeJoint(item, appended));
      for (const item of lone) {
        results.set(item, receipts.addLone(item) ? "appended" : "receipt-taken");
      }
      log.write();
      receipts.write();
      for (const removal of removals) receipts.remove(removal);
      writeAttributes(appended);
      counts.write(appended);
      for (const row of appended) if (row.erases) erase(row);
      if (!unsorted.isEmpty()) unsorted.sort();
      keys.write(appended);
      receipts.finish();
      return resultsInOrder(items, results);
    });
}

/** Streams with similar ids share pages. The sort is stable, so rows of one stream keep their order. */
function byStream(a: AppendRow, b: AppendRow): number {
  if (a.stream === b.stream) return 0;
  return a.stream < b.stream ? -1 : 1;
}

/** Prepare to write heads that are there, by the ids of their rows. */
function createHeadUpdates(db: DatabaseSync) {
  const updateHead = db.prepare(
    `update heads set version = ?, change = ?, changed_at = ?, state = ?, position = ? where rowid = ?`,
  );
  // Each change has an id of its own: either the row still holds the head that was read, or nothing is updated.
  const updateRead = db.prepare(
    `update heads set version = ?, change = ?, changed_at = ?, state = ?, position = ?
     where rowid = ? and change = ?`,
  );
  // SQLite writes the entries of an index anew for a column that is set, also to what it was.
  const listHead = db.prepare(
    `update heads set version = ?, change = ?, changed_at = ?, state = ?, position = ?, created_at = ?, status = ?
     where rowid = ?`,
  );
  return {
    update(row: AppendRow, id: number, position: Position): void {
      const { version, change, createdAt, changedAt, state, status } = row;
      const head = [version, change, changedAt, state, position] as const;
      if (row.statusBefore === undefined) updateHead.run(...head, id);
      else listHead.run(...head, createdAt, status, id);
    },

    /** @returns Whether the row has the head that the change `after` has written. */
    updateRead(row: AppendRow, id: number, position: Position, after: string): boolean {
      const { version, change, changedAt, state } = row;
      return updateRead.run(version, change, changedAt, state, position, id, after).changes > 0;
    },
  };
}

/**
 * Prepare to write a row, without its events and its search keys.
 *
 * @param receipts `undefined`: the rows have none.
 */
export function createRowWriter(
  db: DatabaseSync,
  log: EventLog,
  receipts: ReceiptWriter | undefined,
): (row: AppendRow) => AppendResult {
  const selectCurrent = db.prepare(
    "select rowid as id, position from heads where stream = ? and organization = ? and version = ? and change = ?",
  );
  const insertHead = db.prepare(
    `insert into heads (stream, organization, version, change, created_at, changed_at, state, status, position)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (stream) do nothing`,
  );
  const heads = createHeadUpdates(db);
  const deleteHead = db.prepare("delete from heads where stream = ?");
  const uniqueKeys = createUniqueKeyWriter(db);

  /** A conflict is rare for a new stream, so it is written first and deleted again after a conflict. */
  function beginStream(row: AppendRow): AppendResult {
    const { stream, organization, version, change, createdAt, changedAt } = row;
    const head = [stream, organization, version, change, createdAt, changedAt] as const;
    const logged = log.size();
    const position = log.add(row, null);
    const isNew = insertHead.run(...head, row.state, row.status, position).changes > 0;
    if (isNew && uniqueKeys.hold(stream, new Set(row.uniqueKeys))) return "appended";
    log.truncate(logged);
    if (!isNew) return "conflict";
    uniqueKeys.release(stream);
    deleteHead.run(stream);
    return "unique-key-taken";
  }

  /**
   * Write a head where it was read, if neither its unique keys nor its status change.
   *
   * @returns Whether it was written.
   */
  function extendRead(row: AppendRow, after: string): boolean {
    if (row.row === undefined || row.uniqueKeys !== undefined || row.statusBefore !== undefined) {
      return false;
    }
    const [id, before] = row.row;
    const logged = log.size();
    const isWritten = heads.updateRead(row, id, log.add(row, before), after);
    if (!isWritten) log.truncate(logged);
    return isWritten;
  }

  function extendStream(row: AppendRow, after: string): AppendResult {
    if (extendRead(row, after)) return "appended";
    const { stream, organization } = row;
    const current = selectCurrent.get(stream, organization, versionBefore(row), after);
    if (current === undefined) return "conflict";
    const { id, position } = current as { id: number; position: Position };
    const names = row.uniqueKeys && new Set(row.uniqueKeys);
    if (names !== undefined && !uniqueKeys.areFreeFor(stream, names)) return "unique-key-taken";
    heads.update(row, id, log.add(row, position));
    if (names !== undefined) uniqueKeys.replace(stream, names);
    return "appended";
  }

  const writeStream = (row: AppendRow) =>
    row.after === undefined ? beginStream(row) : extendStream(row, row.after);

  return (row) => {
    const { receipt } = row;
    if (receipt === undefined || receipts === undefined) return writeStream(row);
    if (!receipts.add(log.lastOf(row), receipt)) return "receipt-taken";
    const result = writeStream(row);
    if (result !== "appended") receipts.undo();
    return result;
  };
}
