import { matcher, type Query } from "../search.ts";
import type { Row } from "../sql/rows.ts";
import type { KeyComparison } from "./comparison-sql.ts";
import { statusKey } from "./head-keys.ts";

/** How many searchable streams of a scope have each status. */
export type StatusTotals = ReadonlyMap<string, number>;

/** @param rows Of `statusesStatement`. */
export function totalsFromRows(rows: readonly Row[]): StatusTotals {
  return new Map(rows.map(({ status, total }) => [String(status), Number(total)]));
}

/** All streams. */
export function sumOf(totals: StatusTotals): number {
  return [...totals.values()].reduce((sum, total) => sum + total, 0);
}

/** How many streams a comparison of the status is true of. */
export function totalOf(totals: StatusTotals, query: Query | KeyComparison): number {
  const isMatch = matcher(query);
  let sum = 0;
  for (const [status, total] of totals) {
    if (isMatch({ stream: "", organization: "", keys: { [statusKey]: status } })) sum += total;
  }
  return sum;
}

/** Whether the status alone decides if a stream matches, so that the totals say how many do. */
export function isOfStatusAlone(query: Query): boolean {
  switch (query.kind) {
    case "and":
    case "or":
      return query.queries.every((each) => isOfStatusAlone(each));
    case "not":
      return isOfStatusAlone(query.query);
    case "one-of":
    case "text":
      return query.key === statusKey;
    case "attribute":
    case "organizations":
    case "streams":
      return false;
  }
}
