import type { DatabaseSync } from "node:sqlite";
import { type AppendRow, countEvents, eventRows, versionBefore } from "../../change/append-row.ts";
import { createInsert } from "../keys/insert-rows.ts";

/**
 * One event of every so many versions of a stream is a mark: reading its history can begin there. The marks of a
 * database were made with this number, so it never changes.
 */
const versionsPerMark = 64;

/** Position of an event; `null`: there is no event. */
export type Position = number | null;

/** The events of a transaction: each append gets its positions when its head is written, all are written later. */
export type EventLog = {
  /** Call it first in every transaction. */
  begin(): void;
  /**
   * @param previous Position of the stream's latest event.
   * @returns Position of the latest event after the append.
   */
  add(row: AppendRow, previous: Position): Position;
  /** Position that the latest event of an append will have if it is added next. */
  lastOf(row: AppendRow): number;
  /** Appends that are not written yet. */
  size(): number;
  /** Take back what was added beyond this size. */
  truncate(size: number): void;
  /** Write the events of the appends since the last call. */
  write(): void;
};

type Entry = { readonly row: AppendRow; readonly first: number; readonly previous: Position };

/** Prepare to write events at the end of the log. */
export function createEventLog(db: DatabaseSync): EventLog {
  // Also counts events that were deleted.
  const selectLast = db.prepare("select seq from sqlite_sequence where name = 'events'");
  const insert = createInsert(
    db,
    "events (position, previous, stream, version, change, type, data, creator, at, request)",
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?",
  );
  const insertMark = db.prepare(
    "insert into event_marks (stream, version, position) values (?, ?, ?)",
  );
  let entries: Entry[] = [];
  let next = 1;

  return {
    begin() {
      entries = [];
      next = Number(selectLast.get()?.seq ?? 0) + 1;
    },
    add(row, previous) {
      const count = countEvents(row);
      if (count === 0) return previous;
      entries.push({ row, first: next, previous });
      next += count;
      return next - 1;
    },
    lastOf: (row) => next + countEvents(row) - 1,
    size: () => entries.length,
    truncate(size) {
      next = entries[size]?.first ?? next;
      entries.length = size;
    },
    write() {
      insert(entries.flatMap(rowsOf));
      for (const entry of entries) for (const mark of marksOf(entry)) insertMark.run(...mark);
      entries = [];
    },
  };
}

function rowsOf({ row, first, previous }: Entry) {
  return eventRows([row]).map(
    (event, place) =>
      [first + place, place === 0 ? previous : first + place - 1, ...event] as const,
  );
}

function marksOf({ row, first }: Entry) {
  let before = versionBefore(row);
  if (markOf(before) === markOf(row.version)) return [];
  return eventRows([row]).flatMap(([stream, version], place) => {
    const isMark = markOf(version) > markOf(before);
    before = version;
    return isMark ? [[stream, version, first + place] as const] : [];
  });
}

function markOf(version: number): number {
  return Math.floor(version / versionsPerMark);
}
