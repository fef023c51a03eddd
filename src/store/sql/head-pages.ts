import type { Head } from "../event-store.ts";
import type { HeadPage, HeadRange } from "../transfer.ts";
import { headColumns, headFromRow, type Row } from "./rows.ts";
import { raw, type Sql, sql } from "./sql.ts";

/** A stream and its latest head. */
export type StreamHead<State = unknown> = { readonly stream: string; readonly head: Head<State> };

/** Selects the heads of at most `limit` streams with ids behind `after`, in the order of the ids. */
export function headPageSql(after: string, limit: number): Sql {
  const columns = raw(headColumns);
  return sql`select stream, ${columns} from heads where stream > ${after} order by stream limit ${limit}`;
}

/** @param row With the column `stream` and those of a head. */
export function streamHeadFromRow(row: Row): StreamHead {
  return { stream: String(row.stream), head: headFromRow(row) };
}

/** @returns The `after` of the next page; `undefined` if this was the last page. */
export function nextAfter(rows: readonly Row[], limit: number): string | undefined {
  return rows.length < limit ? undefined : String(rows.at(-1)?.stream);
}

/** @param rows All heads of the range, of whatever organization. */
export function pageFromRows<State>(
  rows: readonly Row[],
  { limit, organization }: HeadRange,
): HeadPage<State> {
  const own = rows.filter((row) => organization === undefined || row.organization === organization);
  return {
    heads: own.map((row) => streamHeadFromRow(row) as StreamHead<State>),
    next: nextAfter(rows, limit),
  };
}
