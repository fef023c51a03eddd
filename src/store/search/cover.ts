import type { Query } from "../search.ts";
import type { KeyComparison } from "./comparison-sql.ts";
import { alternativesIn, isComparison, isIndexed } from "./search-sql.ts";

/** Streams of all parts of an `or` together. Each of them is loaded, and its head is compared with the whole query. */
const maxCovered = 10_000;

/**
 * Streams that include all that match a query; `undefined`: they are too many.
 *
 * @param find All streams that match a comparison; `undefined`: they are too many.
 * @param findAny All streams that match any of several comparisons; `undefined`: each has to be found by itself.
 */
export async function cover(
  query: Query,
  find: (comparison: KeyComparison) => Promise<readonly string[] | undefined>,
  findAny: FindAny = async () => undefined,
): Promise<readonly string[] | undefined> {
  switch (query.kind) {
    case "and":
      for (const each of query.queries) {
        const found = await cover(each, find, findAny);
        if (found !== undefined) return found;
      }
      return undefined;
    case "or": {
      const atOnce = await coverAny(query.queries, findAny);
      if (atOnce !== undefined) return atOnce;
      const all: string[] = [];
      for (const each of query.queries) {
        const found = await cover(each, find, findAny);
        if (found === undefined || all.length + found.length > maxCovered) return undefined;
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

type FindAny = (comparisons: readonly KeyComparison[]) => Promise<readonly string[] | undefined>;

async function coverAny(
  queries: readonly Query[],
  findAny: FindAny,
): Promise<readonly string[] | undefined> {
  const alternatives = queries.flatMap(alternativesIn);
  const comparisons = alternatives.filter(isComparison);
  const known = alternatives.flatMap((each) => (each.kind === "streams" ? each.streams : []));
  const others = alternatives.filter((each) => !isComparison(each) && each.kind !== "streams");
  if (comparisons.length < 2 || others.length > 0) return undefined;
  const found = await findAny(comparisons);
  return found && [...known, ...found];
}

/**
 * Whether fewer streams may match a comparison than match it in lower case, although that is a narrow part of the index. To
 * find them, all of that part is read.
 */
export function isOneOfFewSpellings(comparison: KeyComparison): boolean {
  return comparison.kind === "one-of" || (comparison.method === "equals" && !comparison.ignoreCase);
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
