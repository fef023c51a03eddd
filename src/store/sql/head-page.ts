import type { Head } from "../event-store.ts";
import type { HeadPage, HeadRange } from "../transfer.ts";
import { headFromRow, type Row } from "./rows.ts";

/**
 * What is on a page.
 *
 * @param rows All heads of the range, of whatever organization.
 */
export function pageFromRows<State>(
  rows: readonly Row[],
  { limit, organization }: HeadRange,
): HeadPage<State> {
  const own = rows.filter((row) => organization === undefined || row.organization === organization);
  return {
    heads: own.map((row) => ({
      stream: String(row.stream),
      head: headFromRow(row) as Head<State>,
    })),
    next: rows.length < limit ? undefined : String(rows.at(-1)?.stream),
  };
}
