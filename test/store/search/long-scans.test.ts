import { describe, expect, test } from "vitest";
import { createSearch } from "../../../src/store/search/search-heads.ts";
import type { SearchScope } from "../../../src/store/search.ts";
import { dialect } from "../../../src/store/sqlite/search.ts";

const contains = {
  kind: "text",
  key: "a",
  method: "contains",
  text: "x",
  ignoreCase: true,
} as const;
const wanted = { query: contains, sortBy: "a", ascending: true, offset: 0, limit: 10 };

/** The scans of a search among so many streams: whose they were, and whether each asked for its caller. */
async function scansAmong(streams: number, scope: SearchScope) {
  const scans: { group: string; asks: boolean }[] = [];
  const search = createSearch({
    dialect,
    scanDialect: { ...dialect, isAwaited: "asked()" },
    lookUp: async ({ text }) =>
      text.includes("sum(total)")
        ? [{ status: "active", total: streams }]
        : text.includes("first")
          ? [{ first: "first", last: "last" }]
          : [],
    async scan({ text }, group) {
      scans.push({ group, asks: text.includes("asked()") });
      return [];
    },
    load: async () => [],
    keysOf: () => undefined,
  });
  await search(scope, wanted);
  return scans;
}

describe("the scans of a search", () => {
  test("ask for their caller if they are long", async () => {
    const asks = async (streams: number) =>
      (await scansAmong(streams, "org")).map((scan) => scan.asks);
    expect(await asks(100_000)).toEqual([false]);
    expect(await asks(100_001)).toEqual([true]);
  });

  test("take turns by organization", async () => {
    const groups = async (scope: SearchScope) =>
      new Set((await scansAmong(1, scope)).map(({ group }) => group));
    const [one, another] = [await groups("one"), await groups("another")];
    const several = await groups(["one", "another"]);
    for (const each of [one, another, several]) expect(each.size).toBe(1);
    expect(new Set([...one, ...another, ...several]).size).toBe(3);
    expect(await groups({ everyOrganization: true })).toEqual(several);
  });
});
