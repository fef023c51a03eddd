import type { Query } from "../search.ts";
import type { KeyComparison } from "./comparison-sql.ts";
import { isIndexed } from "./search-sql.ts";

/**
 * Streams that include all that match a query; `undefined`: they are too many.
 *
 * @param find All streams that match a comparison; `undefined`: they are too many.
 */
export async function cover(
  query: Query,
  find: (comparison: KeyComparison) => Promise<readonly string[] | undefined>,
): Promise<readonly string[] | undefined> {
  switch (query.kind) {
    case "and":
      for (const each of query.queries) {
        const found = await cover(each, find);
        if (found !== undefined) return found;
      }
      return undefined;
    case "or": {
      const all: string[] = [];
      for (const each of query.queries) {
        const found = await cover(each, find);
        if (found === undefined) return undefined;
        all.push(...found);
      }
      return all;
    }
    case "not":
    // Few streams would have been found before.
    case "attribute":
    case "organizations":
      return undefined;
    case "streams":
      return query.streams;
    case "one-of":
    case "text":
      return find(query);
  }
}

/** The number of comparisons that may look at all rows of a key, or at many of them. */
export function scannedKeys(query: Query): number {
  return comparisonsOf(query).filter(
    (comparison) => comparison.kind === "text" && comparison.method !== "equals",
  ).length;
}

/** Whether a comparison of the query needs a scan of all texts of its key. */
export function hasUnindexed(query: Query): boolean {
  return comparisonsOf(query).some((comparison) => !isIndexed(comparison));
}

/** Whether the query compares a key. */
export function compares(query: Query, key: string): boolean {
  return comparisonsOf(query).some((comparison) => comparison.key === key);
}

function comparisonsOf(query: Query): KeyComparison[] {
  switch (query.kind) {
    case "and":
    case "or":
      return query.queries.flatMap(comparisonsOf);
    case "not":
      return comparisonsOf(query.query);
    case "attribute":
    case "organizations":
    case "streams":
      return [];
    case "one-of":
    case "text":
      return [query];
  }
}
