import type { DatabaseSync } from "node:sqlite";
import type { AppendRow } from "../../change/append-row.ts";
import { type HistoryRange, noVersion } from "../../events.ts";
import { eventColumns, outlinedEventColumns, type Row } from "../../sql/rows.ts";
import type { Position } from "./event-log.ts";

type ReadHistory = (stream: string, organization: string, range: HistoryRange) => Row[];

/**
 * A table `walk` of the position and version of an event and of those before it in its stream, newest first. It is
 * made row by row as it is read.
 *
 * @param first Position of the event.
 * @param after Ends at the first version that is not greater.
 */
export function walkFrom(first: string, after: string): string {
  return `with recursive walk (position, version, previous) as (
    select position, version, previous from events where position = ${first} and version > ${after}
    union all
    select e.position, e.version, e.previous
    from walk cross join events e on e.position = walk.previous where e.version > ${after}
  )`;
}

/** Prepare to read events, with their data or without. */
export function prepareHistory(db: DatabaseSync): { whole: ReadHistory; outline: ReadHistory } {
  const selectLatest = db.prepare(
    "select position from heads where stream = ? and organization = ?",
  );
  const find = prepareFind(db);
  const reading = (columns: string): ReadHistory => {
    const select = db.prepare(
      `select ${columns} from (select value as place from json_each(?)) cross join events
       on position = place`,
    );
    return (stream, organization, range) => {
      const latest = selectLatest.get(stream, organization)?.position as Position | undefined;
      if (latest === undefined || latest === null) return [];
      const found = JSON.stringify(find(stream, latest, range));
      if (range.maxBytes === undefined) return select.all(found);
      return rowsUpTo(range.maxBytes, select.iterate(found));
    };
  };
  return { whole: reading(eventColumns), outline: reading(outlinedEventColumns) };
}

/** Whether the last event of an append is stored. */
export type HasEvent = (row: Pick<AppendRow, "stream" | "version" | "change">) => boolean;

/** Prepare to look up what became of an append. */
export function prepareHasEvent(db: DatabaseSync): HasEvent {
  const selectLatest = db.prepare("select position from heads where stream = ?");
  const selectChange = db.prepare("select 1 from events where position = ? and change = ?");
  const find = prepareFind(db);
  return ({ stream, version, change }) => {
    const latest = selectLatest.get(stream)?.position as Position | undefined;
    if (latest === undefined || latest === null) return false;
    const range = { after: version - 1, before: version + 1, limit: 1, ascending: false };
    return find(stream, latest, range).some(
      (position) => selectChange.get(position, change) !== undefined,
    );
  };
}

/**
 * Prepare to find the positions of a part of a stream's events. Reading begins at a mark and goes
 * backwards, so the cost does not depend on how long the history is.
 *
 * @returns In the order of the range.
 */
function prepareFind(
  db: DatabaseSync,
): (stream: string, latest: number, range: HistoryRange) => number[] {
  const selectMark = db.prepare(
    "select version, position from event_marks where stream = ? and version >= ? order by version limit 1",
  );
  const walk = db.prepare(
    `${walkFrom("?", "?2")} select position from walk where version < ? limit ?`,
  );
  const markFrom = (stream: string, version: number) =>
    selectMark.get(stream, version) as { version: number; position: number } | undefined;
  /** Newest first. */
  const backwards = (first: number, after: number, before: number, limit: number) =>
    walk.all(first, after, before, limit).map(({ position }) => Number(position));

  return (stream, latest, { after, before = noVersion, limit, ascending }) => {
    if (!ascending) {
      const first = markFrom(stream, before)?.position ?? latest;
      return backwards(first, after, before, limit);
    }
    const found: number[] = [];
    for (let from = after; found.length < limit; ) {
      const mark = markFrom(stream, from + 1);
      found.push(...backwards(mark?.position ?? latest, from, before, -1).reverse());
      if (mark === undefined || mark.version >= before) break;
      from = mark.version;
    }
    return found.slice(0, limit);
  };
}

/** Rows up to the one whose data makes them reach so many bytes. */
function rowsUpTo(maxBytes: number, found: Iterable<Row>): Row[] {
  const rows: Row[] = [];
  let bytes = 0;
  for (const row of found) {
    rows.push(row);
    bytes += String(row.data ?? "").length;
    if (bytes >= maxBytes) break;
  }
  return rows;
}
