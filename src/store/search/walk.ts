import type { Found, Head, KeysOf } from "../event-store.ts";
import { type Comparison, type Query, type Search, type SearchScope, sorted } from "../search.ts";
import type { Row } from "../sql/rows.ts";
import type { Dialect } from "./condition-sql.ts";
import { everyStream, isHeadKey, statusKey } from "./head-keys.ts";
import { matcherAmong } from "./heads/attribute-queries.ts";
import { namesOfKeys } from "./heads/names-of-keys.ts";
import { asksForAttributes, createPeek, type Peeked } from "./heads/peek.ts";
import { countStatement, pageStatement, type SearchStatement } from "./search-sql.ts";
import { isOfStatusAlone, type StatusTotals, sumOf, totalOf } from "./status-totals.ts";

/** Runs a statement of the dialect that is given. */
export type Run = (make: (dialect: Dialect) => SearchStatement) => Promise<readonly Row[]>;

/** Reads the totals of the scope, at most once. */
export type Totals = () => Promise<StatusTotals>;

/** What an engine provides; see `SearchOptions`. */
type WalkOptions = {
  readonly dialect: Dialect;
  readonly lookUp: (statement: SearchStatement) => Promise<readonly Row[]>;
  readonly load: (
    streams: readonly string[],
    owners: SearchScope,
  ) => Promise<readonly { readonly stream: string; readonly head: Head<unknown> }[]>;
  readonly keysOf: KeysOf<unknown>;
};

/** A page that ends before this stream is read at once, and not in turn with long statements. */
const maxShort = 1_000;
/** From this share of matching streams on, the first streams in the order of the page are enough to fill it. */
const densely = 0.5;

/** What is known before a page is read. */
type Known = {
  /** Of all streams of the scope, where the status alone decides which match. */
  readonly totals: StatusTotals | undefined;
  /** How many match. */
  readonly total: number | undefined;
  /** Of all streams, from 0 to 1. */
  readonly share: number | undefined;
};

/** The searches whose streams are found in the order of the page, until it is full. */
export function createWalk(options: WalkOptions) {
  const { dialect, lookUp, load, keysOf } = options;
  const peek = createPeek(options);

  async function peeked(owners: SearchScope, wanted: Search, { share }: Known) {
    const isWalkedAsItIs = share !== undefined && isHeadKey(wanted.sortBy ?? everyStream);
    if (typeof owners !== "string" || isWalkedAsItIs || share === 1) return undefined;
    return asksForAttributes(wanted.query) ? undefined : peek(owners, wanted, share);
  }

  async function page(
    owners: SearchScope,
    wanted: Search,
    run: Run,
    { share = 0, totals }: Known,
  ): Promise<Peeked> {
    const isDense = share === 1 || (share >= densely && isHeadKey(wanted.sortBy ?? everyStream));
    const isShort = wanted.offset + wanted.limit <= maxShort;
    const isLookedUp = isDense && isShort && typeof owners === "string";
    const read: Run = isLookedUp ? (make) => lookUp(make(dialect)) : run;
    const streams =
      wanted.sortBy === statusKey && totals !== undefined
        ? await streamsByStatus(owners, wanted, totals, read)
        : await streamsOf(owners, wanted, read);
    const results = await matching(owners, wanted.query, streams);
    const isLastPage = streams.length < wanted.limit && (streams.length > 0 || wanted.offset === 0);
    return isLastPage ? { results, total: wanted.offset + streams.length } : { results };
  }

  /** Those of some streams that still match: others may have changed them since the index was read. */
  async function matching(owners: SearchScope, query: Query, streams: readonly string[]) {
    const heads = await load(streams, owners);
    const isMatch = await matcherAmong(streams, query, options);
    const names = namesOfKeys(query, undefined);
    const headOf = new Map(heads.map(({ stream, head }) => [stream, head]));
    return streams.flatMap((stream) => {
      const head = headOf.get(stream);
      const keys = head && keysOf(head, names);
      if (head === undefined || keys === undefined) return [];
      return isMatch({ stream, organization: head.organization, keys }) ? [{ stream, head }] : [];
    });
  }

  return async (
    owners: SearchScope,
    wanted: Search,
    run: Run,
    readTotals: Totals,
  ): Promise<Found<unknown>> => {
    const known = await knownOf(wanted, readTotals);
    if (known.total === 0) return { total: 0, results: [] };
    const found = (await peeked(owners, wanted, known)) ?? (await page(owners, wanted, run, known));
    const total =
      known.total ?? found.total ?? (await count(owners, wanted.query, run, readTotals));
    const { results } = found;
    // The total may be older than the page.
    const seen = results.length === 0 ? 0 : wanted.offset + results.length;
    return { total: Math.max(total, seen), results };
  };
}

/** What is not to match is often rare. Then it is counted, because how many streams there are is known. */
async function count(
  owners: SearchScope,
  query: Query,
  run: Run,
  readTotals: Totals,
): Promise<number> {
  if (query.kind === "not") {
    const others = await count(owners, query.query, run, readTotals);
    // Both are read one after the other, so there may be more of them by now.
    return Math.max(0, sumOf(await readTotals()) - others);
  }
  const [only, ...more] = query.kind === "and" || query.kind === "or" ? query.queries : [];
  if (only !== undefined && more.length === 0) return count(owners, only, run, readTotals);
  const [row] = await run((each) => countStatement(each, owners, query));
  return Number(row?.total);
}

async function knownOf({ query }: Search, readTotals: Totals): Promise<Known> {
  if (!isOfStatusAlone(query)) return { totals: undefined, total: undefined, share: undefined };
  const totals = await readTotals();
  const total = totalOf(totals, query);
  return { totals, total, share: total / sumOf(totals) };
}

async function streamsOf(owners: SearchScope, wanted: Search, read: Run): Promise<string[]> {
  const rows = await read((each) => pageStatement(each, owners, wanted));
  return rows.map(({ stream }) => String(stream));
}

/**
 * The totals say on which statuses the page lies; within each, streams are in the order of their ids.
 *
 * @returns Each stream once, also if others change its status between two statements.
 */
async function streamsByStatus(
  owners: SearchScope,
  { query, ascending, offset, limit }: Search,
  totals: StatusTotals,
  read: Run,
): Promise<string[]> {
  const statuses = [...totals.keys()].map((state) => ({
    stream: "",
    keys: { [statusKey]: state },
  }));
  const streams = new Set<string>();
  let skipped = 0;
  for (const { keys } of sorted(statuses, { sortBy: statusKey, ascending })) {
    const text = keys[statusKey] ?? "";
    const total = totalOf(totals, { kind: "and", queries: [query, hasStatus(text)] });
    const ofStatus = { query: hasStatus(text), sortBy: undefined, ascending };
    const part = { offset: Math.max(0, offset - skipped), limit: limit - streams.size };
    if (part.offset < total && part.limit > 0) {
      const found = await streamsOf(owners, { ...ofStatus, ...part }, read);
      for (const stream of found) streams.add(stream);
    }
    skipped += total;
  }
  return [...streams];
}

function hasStatus(text: string): Comparison {
  return { kind: "text", key: statusKey, method: "equals", text, ignoreCase: false };
}
