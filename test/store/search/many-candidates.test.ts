import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createSearch } from "../../../src/store/search/search-heads.ts";
import type { Query } from "../../../src/store/search.ts";
import { dialect } from "../../../src/store/sqlite/search.ts";

const order = { sortBy: undefined, ascending: true, offset: 0, limit: 10 };

const ids = (count: number): Query => ({
  kind: "streams",
  streams: Array.from({ length: count }, (_, i) => `stream-${i}`),
});

const head = { version: 1, organization: "org", createdAt: 0, changedAt: 0, state: undefined };

/** A search of an organization that has every stream. Each comparison finds so many of them, all different. */
function searchOfAll(foundByEach = 0) {
  const loads: { readonly turn: number; readonly size: number }[] = [];
  const scans: string[] = [];
  let turns = 0;
  let isOver = false;
  const count = async () => {
    for (; !isOver; turns += 1) await turn();
  };
  let lookUps = 0;
  const search = createSearch({
    dialect,
    lookUp: async ({ text }) => {
      if (text.includes("sum(total)")) return [{ status: "active", total: 1 }];
      // Together they would find too many, so each is asked by itself.
      const size = text.includes("union all") ? 1_001 : foundByEach;
      lookUps += 1;
      return Array.from({ length: size }, (_, i) => ({ stream: `stream-${lookUps}-${i}` }));
    },
    async scan({ text }) {
      scans.push(text);
      return [];
    },
    async load(streams) {
      loads.push({ turn: turns, size: streams.length });
      return streams.map((stream) => ({ stream, head }));
    },
    keysOf: () => ({ a: "ax", state: "active" }),
  });
  return {
    loads,
    scans,
    search,
    async turnsDuring<Result>(work: Promise<Result>): Promise<Result> {
      void count();
      return work.finally(() => {
        isOver = true;
      });
    },
  };
}

describe("a search with many candidates", () => {
  test("leaves turns of the event loop to others, and finds all", async () => {
    const { loads, search, turnsDuring } = searchOfAll();
    const { total, results } = await turnsDuring(search("org", { ...order, query: ids(5_200) }));
    expect([total, results.length]).toEqual([5_200, 10]);
    expect(loads.reduce((all, { size }) => all + size, 0)).toBe(5_200);
    expect(Math.max(...loads.map(({ size }) => size))).toBeLessThanOrEqual(1_000);
    expect(new Set(loads.map((load) => load.turn)).size).toBe(loads.length);
  });

  test("with few, it is answered at once", async () => {
    const { loads, search } = searchOfAll();
    await search("org", { ...order, query: ids(1_000) });
    expect(loads.map(({ size }) => size)).toEqual([1_000]);
  });

  test("waits for another one, so that only one is in memory", async () => {
    const { loads, search } = searchOfAll();
    const sizes = [5_200, 1_001];
    await Promise.all(sizes.map((size) => search("org", { ...order, query: ids(size) })));
    let loaded = 0;
    const ends = loads.map(({ size }) => (loaded += size));
    expect(ends).toContain(5_200);
    expect(ends.at(-1)).toBe(6_201);
  });

  test("ends when its caller leaves", async () => {
    const { loads, search } = searchOfAll();
    const controller = new AbortController();
    const searching = search("org", { ...order, query: ids(5_200) }, controller.signal);
    await turn();
    controller.abort(new Error("gone"));
    await expect(searching).rejects.toThrow();
    const { length } = loads;
    expect(length).toBeLessThan(20);
    await turn();
    expect(loads.length).toBe(length);
  });

  test.for([
    { parts: 10, isJudged: true },
    { parts: 11, isJudged: false },
  ])(
    "of $parts parts with a thousand each: loaded one by one: $isJudged",
    async ({ parts, isJudged }) => {
      const { loads, scans, search } = searchOfAll(1_000);
      const queries = Array.from({ length: parts }, (_, i): Query => {
        return { kind: "text", key: "a", method: "starts-with", text: `a${i}`, ignoreCase: true };
      });
      await search("org", { ...order, query: { kind: "or", queries } });
      const loaded = loads.reduce((all, { size }) => all + size, 0);
      expect(loaded > 9_000).toBe(isJudged);
      expect(scans.length > 0).toBe(!isJudged);
    },
  );
});
