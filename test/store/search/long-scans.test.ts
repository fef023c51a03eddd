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

describe("a look-up by an index", () => {
  /** The statements of a search in which so many streams match in lower case. */
  async function statementsOf(method: "equals" | "starts-with", inLowerCase: number) {
    const lookUps: string[] = [];
    const scans: string[] = [];
    const rows = Array.from({ length: inLowerCase }, (_, index) => ({ stream: String(index) }));
    const search = createSearch({
      dialect,
      lookUp: async ({ text }) => {
        if (text.includes("sum(total)")) return [{ status: "active", total: 5_000 }];
        lookUps.push(text);
        return rows;
      },
      async scan({ text }) {
        scans.push(text);
        return [];
      },
      load: async () => [],
      keysOf: () => undefined,
    });
    const query = { kind: "text", key: "a", method, text: "Smith", ignoreCase: false } as const;
    await search("org", { ...wanted, query });
    return { lookUps, scans };
  }
  const readsTexts = (statement: string | undefined) => statement?.includes("k.text") === true;

  test.for(["equals", "starts-with"] as const)(
    "of what %s a text reads no rows that differ in case, because there may be millions",
    async (method) => {
      const few = await statementsOf(method, 1_000);
      expect(few.lookUps.map(readsTexts)).toEqual([false]);
      expect(few.scans).toEqual([]);
      const many = await statementsOf(method, 1_001);
      // Only the first streams of the page are looked at after that.
      expect(many.lookUps.filter(readsTexts)).toEqual([]);
      expect(many.scans.some(readsTexts)).toBe(true);
    },
  );
});
