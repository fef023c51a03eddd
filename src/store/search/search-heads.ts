import type { EventStore, Found, Head, KeysOf } from "../event-store.ts";
import {
  type AttributeQuery,
  type Search,
  type SearchScope,
  SearchTooBroadError,
} from "../search.ts";
import type { Row } from "../sql/rows.ts";
import { type KeyComparison, mayLackRow } from "./comparison-sql.ts";
import type { Dialect } from "./condition-sql.ts";
import { compares, cover, hasUnindexed, isOneOfFewSpellings, scannedKeys } from "./cover.ts";
import { commonStatus, statusKey } from "./head-keys.ts";
import { withStreams } from "./heads/attribute-queries.ts";
import { createJudge, type Judge, maxAtOnce } from "./heads/judge.ts";
import { narrowedScope, populatedScope } from "./narrowed-scope.ts";
import {
  attributeStatement,
  isIndexed,
  isLookedUp,
  type SearchStatement,
  statusesStatement,
  streamsOfAnyStatement,
  streamsStatement,
} from "./search-sql.ts";
import { type StatusTotals, sumOf, totalOf, totalsFromRows } from "./status-totals.ts";
import { createWalk, type Run, type Totals } from "./walk.ts";

/** What an engine provides. */
export type SearchOptions = {
  readonly dialect: Dialect;
  /** Of long statements that `scan` runs, so that they end when their caller has left. Default: the same. */
  readonly scanDialect?: Dialect;
  /** Run a statement that reads a few rows. */
  readonly lookUp: (statement: SearchStatement) => Promise<readonly Row[]>;
  /**
   * Run a statement that may read millions of rows. It is dropped, or stopped, if the signal is aborted.
   *
   * @param group Whose statement it is. Groups take turns.
   */
  readonly scan: (
    statement: SearchStatement,
    group: string,
    signal: AbortSignal | undefined,
  ) => Promise<readonly Row[]>;
  /** The heads of those streams that exist within the scope, in any order. */
  readonly load: (
    streams: readonly string[],
    owners: SearchScope,
  ) => Promise<readonly { readonly stream: string; readonly head: Head<unknown> }[]>;
  readonly keysOf: KeysOf<unknown>;
};

/** One comparison finds at most so many streams. More of them are found and sorted by reading an index in order. */
const maxCandidates = maxAtOnce;

/** Rows of the index that a search may look at, which takes some seconds. */
const maxRows = 10_000_000;

/**
 * A statement that reads more streams than this asks whether its caller still waits. It makes a comparison of all
 * texts about a quarter slower.
 */
const maxUnasked = 100_000;

/**
 * Statements collect so many streams of other statuses than the common one, which takes some milliseconds. Beyond this
 * number, or this share of all streams, they look up the status of each stream that they come to.
 */
const maxCollected = { streams: 20_000, share: 0.05 };

type Scope = Parameters<EventStore["search"]>[0];

/** The two ways to make an answer. */
type Answers = {
  /** Load the candidates and compare them with the whole query. */
  readonly judge: Judge;
  /** Read the index of the sort key in order. */
  walk(scope: Scope, wanted: Search, run: Run, totals: Totals): Promise<Found<unknown>>;
};

/**
 * Find streams by the cheapest of three ways, after the attributes that few streams have are looked up:
 *
 * 1. Every result must match one comparison, and the index finds the few streams that match it. They are
 *    loaded, and their heads are compared with the whole query.
 * 2. The same, but a scan of all texts of the key finds them, because of "contains" or "ends-with".
 * 3. No comparison matches few streams. If the first thousand streams in the order of the page fill it, that is the
 *    page; else the index of the sort key is read in order until the page is full. The total is counted by reading it
 *    once more, unless the status alone decides: then it is kept.
 */
function createPlan(
  {
    dialect,
    scanDialect = dialect,
    lookUp,
    scan,
  }: Pick<SearchOptions, "dialect" | "scanDialect" | "lookUp" | "scan">,
  { judge, walk }: Answers,
) {
  async function search(
    owners: SearchScope,
    given: Search,
    signal: AbortSignal | undefined,
  ): Promise<Found<unknown>> {
    const group = groupOf(owners);
    let isCollecting = false;
    const scanIn =
      (each: Dialect): Run =>
      (make) =>
        scan(make(isCollecting ? { ...each, collectsStatuses: true } : each), group, signal);
    let run = scanIn(dialect);
    const totals = once(() => lookUp(statusesStatement(dialect, owners)).then(totalsFromRows));
    const few = async (comparison: KeyComparison) => {
      const limit = maxCandidates + 1;
      if (mayLackRow(comparison)) return undefined;
      if (comparison.key === statusKey && totalOf(await totals(), comparison) >= limit) {
        return undefined;
      }
      const make = (each: Dialect) => streamsStatement(each, owners, comparison, limit);
      if (isIndexed(comparison)) {
        // In lower case the index finds no row that does not match, so no more are read than are found.
        const rows = await lookUp(make({ ...dialect, ignoresCase: true }));
        if (rows.length < limit) return streamsFrom(rows);
        if (!isOneOfFewSpellings(comparison)) return undefined;
      }
      const rows = await run(make);
      return rows.length < limit ? streamsFrom(rows) : undefined;
    };

    // At one moment, because others may change a stream so that it matches another of them.
    const fewOfAny = async (comparisons: readonly KeyComparison[]) => {
      if (!comparisons.every(isLookedUp)) return undefined;
      const limit = maxCandidates + 1;
      const all = { ...dialect, ignoresCase: true };
      const rows = await lookUp(streamsOfAnyStatement(all, owners, comparisons, limit));
      return rows.length < limit ? streamsFrom(rows) : undefined;
    };

    const query = await withStreams(given.query, (attribute) => holders(owners, attribute));
    const wanted = { ...given, query };
    let candidates = await cover(
      query,
      async (comparison) => (isIndexed(comparison) ? few(comparison) : undefined),
      fewOfAny,
    );
    if (candidates === undefined) {
      // The rows of several organizations are not in the order of the page, so all are looked at.
      const scanned = scannedKeys(query) + (typeof owners === "string" ? 0 : 1);
      if (scanned > 0) {
        const size = await sizeWithin(totals, Math.floor(maxRows / (scanned + 1)));
        if (size > maxUnasked) run = scanIn(scanDialect);
      }
      if (!dialect.isDistributed && compares(query, statusKey)) {
        isCollecting = isCollectable(await totals());
      }
      if (hasUnindexed(query)) candidates = await cover(query, few);
    }
    return candidates === undefined
      ? walk(owners, wanted, run, totals)
      : judge(owners, wanted, candidates, group, signal);
  }

  async function holders(owners: SearchScope, query: AttributeQuery) {
    const limit = maxCandidates + 1;
    const rows = await lookUp(attributeStatement(dialect, owners, query, limit));
    return rows.length < limit ? streamsFrom(rows) : undefined;
  }

  return search;
}

/** Reads when it is first asked. */
function once(read: () => Promise<StatusTotals>): Totals {
  let reading: Promise<StatusTotals> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
}

/** @throws SearchTooBroadError if there are more streams than `most`. */
async function sizeWithin(totals: Totals, most: number): Promise<number> {
  const size = sumOf(await totals());
  if (size <= most) return size;
  throw new SearchTooBroadError(`the search would look at more than ${maxRows} texts`);
}

function streamsFrom(rows: readonly Row[]): string[] {
  return rows.map(({ stream }) => String(stream));
}

function isCollectable(totals: StatusTotals): boolean {
  const all = sumOf(totals);
  const others = all - (totals.get(commonStatus) ?? 0);
  return others <= Math.min(maxCollected.streams, all * maxCollected.share);
}

/** Searches of one organization take turns with those of others, and with those of several organizations. */
function groupOf(owners: SearchScope): string {
  return typeof owners === "string" ? `one ${owners}` : "several";
}

/** The search of an engine. How it finds streams is decided in `createPlan`. */
export function createSearch(options: SearchOptions): EventStore["search"] {
  const search = createPlan(options, { judge: createJudge(options), walk: createWalk(options) });

  async function searchScope(
    given: SearchScope,
    wanted: Search,
    signal: AbortSignal | undefined,
  ): Promise<Found<unknown>> {
    const scope = await populatedScope(options, narrowedScope(given, wanted.query));
    return scope === undefined ? { total: 0, results: [] } : search(scope, wanted, signal);
  }

  return <State>(scope: SearchScope, wanted: Search, signal?: AbortSignal) =>
    searchScope(scope, wanted, signal) as Promise<Found<State>>;
}
