import type { Head, KeysOf } from "../../event-store.ts";
import { matcher, type Query, type Search, type SearchScope } from "../../search.ts";
import type { Row } from "../../sql/rows.ts";
import type { Dialect } from "../condition-sql.ts";
import { pageStatement, type SearchStatement } from "../search-sql.ts";
import { namesOfKeys } from "./names-of-keys.ts";

type StreamHead = { readonly stream: string; readonly head: Head<unknown> };

/** At most so many streams are loaded and compared here, which takes some milliseconds. */
const maxLooked = 1_000;
/** What to read beyond the streams that should be needed, because matches may be unevenly spread: a factor, a number. */
const reserve = { share: 1.25, streams: 10 };

const everything: Query = { kind: "and", queries: [] };

export type PeekOptions = {
  readonly dialect: Dialect;
  /** Run a statement that reads a few rows. */
  readonly lookUp: (statement: SearchStatement) => Promise<readonly Row[]>;
  readonly load: (
    streams: readonly string[],
    owners: SearchScope,
  ) => Promise<readonly StreamHead[]>;
  readonly keysOf: KeysOf<unknown>;
};

/** The page, and the number of all matches if it is known, too. */
export type Peeked = { readonly results: readonly StreamHead[]; readonly total?: number };

/**
 * Look whether the first streams in the order of a page fill the page. Where many streams match, they do, and the
 * other streams are never compared.
 */
export function createPeek({ dialect, lookUp, load, keysOf }: PeekOptions) {
  async function peekAmong(owner: string, { query, ...wanted }: Search, looked: number) {
    const first = { ...wanted, query: everything, offset: 0, limit: looked };
    const rows = await lookUp(pageStatement(dialect, owner, first));
    const streams = rows.map(({ stream }) => String(stream));
    const loaded = await load(streams, owner);
    const headOf = new Map(loaded.map(({ stream, head }) => [stream, head]));
    const isMatch = matcher(query);
    const names = namesOfKeys(query, wanted.sortBy);
    const found = streams.flatMap((stream) => {
      const head = headOf.get(stream);
      const keys = head && keysOf(head, names);
      if (head === undefined || keys === undefined) return [];
      return isMatch({ stream, organization: head.organization, keys }) ? [{ stream, head }] : [];
    });
    return { found, isAll: rows.length < looked };
  }

  /**
   * @param wanted.query Without queries of attributes.
   * @param share Of the streams that match, from 0 to 1; `undefined`: it is not known.
   * @returns `undefined` if the page is not filled.
   */
  return async (
    owner: string,
    wanted: Search,
    share: number | undefined,
  ): Promise<Peeked | undefined> => {
    const end = wanted.offset + wanted.limit;
    const lookedFor = (matching: number) =>
      Math.ceil((end * reserve.share) / matching) + reserve.streams;
    let looked = lookedFor(share ?? 1);
    while (looked <= maxLooked) {
      const { found, isAll } = await peekAmong(owner, wanted, looked);
      const results = found.slice(wanted.offset, end);
      if (isAll) return { results, total: found.length };
      if (found.length >= end) return { results };
      if (looked === maxLooked || found.length === 0) return undefined;
      const next = lookedFor(found.length / looked);
      if (next > maxLooked * 2) return undefined;
      looked = Math.min(maxLooked, Math.max(next, looked * 2));
    }
    return undefined;
  };
}

/** Whether a query asks for attributes, which heads do not have. */
export function asksForAttributes(query: Query): boolean {
  if (query.kind === "not") return asksForAttributes(query.query);
  if (query.kind === "and" || query.kind === "or") return query.queries.some(asksForAttributes);
  return query.kind === "attribute";
}
