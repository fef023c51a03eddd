import { setImmediate as turn } from "node:timers/promises";
import type { Found, KeysOf } from "../../event-store.ts";
import { type Search, type SearchScope, sorted } from "../../search.ts";
import { createScanQueue } from "../scan-queue.ts";
import { matcherAmong } from "./attribute-queries.ts";
import { namesOfKeys } from "./names-of-keys.ts";
import type { PeekOptions } from "./peek.ts";

/** Candidates that are judged at once, which takes some milliseconds. */
export const maxAtOnce = 1_000;
/** Of more candidates, so many are judged in one turn of the event loop. */
const pieceSize = 250;

/** Judge candidates. The parameters are those of `EventStore.search`, and `group` is that of a scan. */
export type Judge = (
  scope: SearchScope,
  wanted: Search,
  candidates: readonly string[],
  group: string,
  signal: AbortSignal | undefined,
) => Promise<Found<unknown>>;

/**
 * Load candidates, and compare their heads with the whole query.
 *
 * Where there are many, as in a long list of ids, that takes long on the thread that serves the sockets. So searches with
 * many candidates are judged one after another, in pieces, and each piece leaves a turn to others.
 */
export function createJudge(options: PeekOptions & { readonly keysOf: KeysOf<unknown> }): Judge {
  async function matching(
    streams: readonly string[],
    owners: SearchScope,
    { query, sortBy }: Search,
  ) {
    const heads = await options.load(streams, owners);
    const isMatch = await matcherAmong(streams, query, options);
    const names = namesOfKeys(query, sortBy);
    return heads.flatMap(({ stream, head }) => {
      const keys = options.keysOf(head, names);
      return keys !== undefined && isMatch({ stream, organization: head.organization, keys })
        ? [{ stream, head, keys }]
        : [];
    });
  }

  async function judge(
    { owners, wanted, streams }: Work,
    signal: AbortSignal | undefined,
  ): Promise<Found<unknown>> {
    const size = streams.length > maxAtOnce ? pieceSize : maxAtOnce;
    const found: Awaited<ReturnType<typeof matching>> = [];
    for (let start = 0; start < streams.length; start += size) {
      if (start > 0) await turn(undefined, { signal });
      found.push(...(await matching(streams.slice(start, start + size), owners, wanted)));
    }
    const { offset, limit } = wanted;
    const results = sorted(found, wanted).slice(offset, offset + limit);
    return { total: found.length, results: results.map(({ stream, head }) => ({ stream, head })) };
  }

  const queue = createScanQueue(judge);

  return (owners, wanted, candidates, group, signal) => {
    const work = { owners, wanted, streams: [...new Set(candidates)] };
    return work.streams.length > maxAtOnce
      ? queue.add(work, group, signal)
      : judge(work, undefined);
  };
}

type Work = {
  readonly owners: SearchScope;
  readonly wanted: Search;
  readonly streams: readonly string[];
};
