import type { DatabaseSync } from "node:sqlite";
import { type HistoryRange, noVersion } from "../events.ts";
import { eventColumns, outlinedEventColumns, type Row } from "../sql/rows.ts";

type ReadHistory = (stream: string, organization: string, range: HistoryRange) => Row[];

/** Prepare to read events, with their data or without. */
export function prepareHistory(db: DatabaseSync): { whole: ReadHistory; outline: ReadHistory } {
  const select = (columns: string, order: "asc" | "desc") =>
    db.prepare(
      `select ${columns} from events
       where stream = ? and exists (select 1 from heads where stream = ? and organization = ?)
       and version > ? and version < ? order by version ${order} limit ?`,
    );
  const reading = (columns: string): ReadHistory => {
    const [oldestFirst, newestFirst] = [select(columns, "asc"), select(columns, "desc")];
    return (stream, organization, range) => {
      const { ascending, after, before = noVersion, limit, maxBytes } = range;
      const select = ascending ? oldestFirst : newestFirst;
      const values = [stream, stream, organization, after, before, limit] as const;
      if (maxBytes === undefined) return select.all(...values);
      return rowsUpTo(maxBytes, select.iterate(...values));
    };
  };
  return { whole: reading(eventColumns), outline: reading(outlinedEventColumns) };
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
