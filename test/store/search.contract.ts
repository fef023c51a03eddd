import { randomInt, randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventStore, KeysOf } from "../../src/store/event-store.ts";
import { compares } from "../../src/store/search/cover.ts";
import {
  type Comparison,
  type Query,
  type Search,
  type SearchKeys,
  SearchTooBroadError,
  sorted,
} from "../../src/store/search.ts";

type State = { readonly keys: SearchKeys | null };

const keysOf: KeysOf<State> = ({ state, createdAt }) =>
  state.keys === null
    ? undefined
    : { createdAt: String(createdAt).padStart(16, "0"), ...state.keys };

const everything: Query = { kind: "and", queries: [] };
const nothing: Query = { kind: "or", queries: [] };
const not = (query: Query): Query => ({ kind: "not", query });
const and = (...queries: Query[]): Query => ({ kind: "and", queries });
const or = (...queries: Query[]): Query => ({ kind: "or", queries });

type Method = (Comparison & { kind: "text" })["method"];
const has = (key: string, method: Method, text: string, ignoreCase = false): Query => ({
  kind: "text",
  key,
  method,
  text,
  ignoreCase,
});

const list: Search = {
  query: everything,
  sortBy: undefined,
  ascending: true,
  offset: 0,
  limit: 1_000,
};

/**
 * What the search of every event store must do. Call it once per engine.
 *
 * @param settle Called when much was written: lets the engine do at once what it would do in its own time.
 */
export function describeSearch(
  name: string,
  open: (keysOf: KeysOf<State>) => Promise<EventStore>,
  settle?: () => Promise<unknown>,
) {
  describe(`${name} search`, () => {
    let store: EventStore;
    beforeAll(async () => {
      store = await open(keysOf);
    });
    afterAll(() => store.close());

    const newOrganization = () => `org-${randomUUID()}`;
    let streams = 0;
    const newStream = () => {
      streams += 1;
      return `${String(streams).padStart(5, "0")}-${randomUUID()}`;
    };
    const write = (organization: string, stream: string, keys: SearchKeys | null) =>
      store.change<State>(stream, organization, () => ({
        events: [{ type: "written", data: {}, creator: "me" }],
        state: { keys },
      }));
    const search = async (organization: string, wanted: Partial<Search>) => {
      const { total, results } = await store.search<State>(organization, { ...list, ...wanted });
      return { total, streams: results.map(({ stream }) => stream) };
    };
    /** Whose text of key `a` is found, in order of their streams. */
    const textsFound = async (organization: string, query: Query) => {
      const { results } = await store.search<State>(organization, { ...list, query });
      return results.map(({ head }) => head.state.keys?.a);
    };

    test("finds nothing in an organization without streams", async () => {
      expect(await store.search(newOrganization(), list)).toEqual({ total: 0, results: [] });
    });

    test("gives back the heads", async () => {
      const organization = newOrganization();
      const stream = newStream();
      const head = await write(organization, stream, { a: "x" });
      expect(await store.search(organization, list)).toEqual({
        total: 1,
        results: [{ stream, head }],
      });
    });

    test.for<{ name: string; query: Query; want: string[] }>([
      { name: "equals", query: has("a", "equals", "Straße"), want: ["Straße"] },
      {
        name: "equals, in any case",
        query: has("a", "equals", "STRASSE", true),
        want: ["strasse"],
      },
      {
        name: "equals, C7: with one letter for each",
        query: has("a", "equals", "STRAẞE", true),
        want: ["Straße"],
      },
      { name: "equals nothing", query: has("a", "equals", ""), want: [""] },
      { name: "begins", query: has("a", "starts-with", "Ab"), want: ["Abc"] },
      {
        name: "begins, in any case",
        query: has("a", "starts-with", "aB", true),
        want: ["Abc", "aBC"],
      },
      {
        name: "begins with the last character",
        query: has("a", "starts-with", "\u{10ffff}"),
        want: ["\u{10ffff}x"],
      },
      {
        name: "begins before the surrogates",
        query: has("a", "starts-with", "\ud7ff"),
        want: ["\ud7ffx"],
      },
      { name: "contains", query: has("a", "contains", "ra"), want: ["Straße", "strasse"] },
      {
        name: "contains, in any case",
        query: has("a", "contains", "BC", true),
        want: ["Abc", "aBC"],
      },
      { name: "ends", query: has("a", "ends-with", "C"), want: ["aBC"] },
      {
        name: "ends, in any case",
        query: has("a", "ends-with", "ς", true),
        want: ["οδος"],
      },
      { name: "ends with more than there is", query: has("a", "ends-with", "xAbc"), want: [] },
      { name: "wildcards, literally", query: has("a", "contains", "%"), want: ["100%_*"] },
      { name: "more wildcards", query: has("a", "starts-with", "_"), want: [] },
      { name: "quotes", query: has("a", "contains", "'"), want: [`"O'Neill\\`] },
      {
        name: "one of",
        query: { kind: "one-of", key: "a", texts: ["Abc", "STRASSE", "", "Abc"] },
        want: ["", "Abc"],
      },
      { name: "one of none", query: { kind: "one-of", key: "a", texts: [] }, want: [] },
      { name: "nothing", query: nothing, want: [] },
      { name: "not nothing", query: and(not(nothing), has("a", "equals", "Abc")), want: ["Abc"] },
      { name: "streams that do not exist", query: { kind: "streams", streams: ["1"] }, want: [] },
    ])("compares as it should: $name", async ({ query, want }) => {
      expect(await textsFound(await texts(), query)).toEqual(want);
      // Looked for by another way.
      expect(await textsFound(await texts(), not(not(query)))).toEqual(want);
      const others = await textsFound(await texts(), not(query));
      expect([...others, ...want].sort()).toEqual(allTexts.toSorted());
    });

    const allTexts = [
      "",
      "Abc",
      "aBC",
      "Straße",
      "strasse",
      "ΟΔΟΣ",
      "οδος",
      "100%_*",
      `"O'Neill\\`,
      "\u{10ffff}x",
      "\ud7ffx",
      "\ue000",
    ];
    let written: Promise<string> | undefined;
    /** An organization with one stream for each. */
    const texts = () => {
      written ??= (async () => {
        const organization = newOrganization();
        for (const a of allTexts) await write(organization, newStream(), { a });
        return organization;
      })();
      return written;
    };

    test("finds a stream by its current keys, not by older ones", async () => {
      const organization = newOrganization();
      const stream = newStream();
      const find = async (a: string, b: string) =>
        (await search(organization, { query: and(has("a", "equals", a), has("b", "equals", b)) }))
          .total;
      await write(organization, stream, { a: "one", b: "x" });
      await write(organization, stream, { a: "ONE", b: "x" });
      expect([await find("one", "x"), await find("ONE", "x")]).toEqual([0, 1]);
      await write(organization, stream, { a: "two", b: "x" });
      await write(organization, stream, { a: "two", b: "y" });
      expect([await find("ONE", "x"), await find("two", "y")]).toEqual([0, 1]);
      await write(organization, stream, null);
      expect(await search(organization, {})).toEqual({ total: 0, streams: [] });
      await write(organization, stream, { a: "two", b: "y" });
      expect(await find("two", "y")).toBe(1);
    });

    test("finds a stream by a key that it has only at times", async () => {
      const organization = newOrganization();
      const stream = newStream();
      const isPlain = has("plainFirstName", "equals", "muller", true);
      const anywhere = or(has("a", "equals", "muller", true), or(isPlain));
      const totals = async () => [
        (await search(organization, { query: isPlain })).total,
        (await search(organization, { query: anywhere })).total,
        (await search(organization, { query: not(anywhere) })).total,
        (await search(organization, { query: has("plainFirstName", "contains", "ull") })).total,
        (await search(organization, { query: has("plainFirstName", "equals", "") })).total,
      ];
      await write(organization, stream, { a: "Muller" });
      expect(await totals()).toEqual([0, 1, 0, 0, 1]);
      await write(organization, stream, { a: "Müller", plainFirstName: "muller" });
      expect(await totals()).toEqual([1, 1, 0, 1, 0]);
      await write(organization, stream, { a: "Möller", plainFirstName: "moller" });
      expect(await totals()).toEqual([0, 0, 1, 0, 0]);
      // Several changes of one stream in one batch.
      await Promise.all([
        write(organization, stream, { a: "Moller" }),
        write(organization, stream, { a: "Müller", plainFirstName: "muller" }),
        write(organization, stream, { a: "Muller", plainFirstName: "" }),
        write(organization, stream, { a: "Muller" }),
      ]);
      expect(await totals()).toEqual([0, 1, 0, 0, 1]);
      await write(organization, stream, { a: "Müller", plainFirstName: "muller" });
      await write(organization, stream, null);
      expect(await totals()).toEqual([0, 0, 0, 0, 0]);
    });

    test("sees changes that were made at the same time, in their order", async () => {
      const organization = newOrganization();
      const names = Array.from({ length: 60 }, newStream);
      await Promise.all(
        names.flatMap((stream) =>
          ["one", "Two", "two", "three"].map((a) => write(organization, stream, { a, b: stream })),
        ),
      );
      const want = { total: 60, streams: names };
      expect(await search(organization, {})).toEqual(want);
      expect(await search(organization, { query: has("a", "equals", "three") })).toEqual(want);
      expect(await search(organization, { query: not(has("a", "equals", "three")) })).toEqual({
        total: 0,
        streams: [],
      });
      expect(await search(organization, { sortBy: "b" })).toEqual(want);
    });

    test("never finds streams of another organization", async () => {
      const [mine, other] = [newOrganization(), newOrganization()];
      const [stream, foreign] = [newStream(), newStream()];
      await write(mine, stream, { a: "x" });
      await write(other, foreign, { a: "x" });
      const queries = [
        everything,
        has("a", "equals", "x"),
        has("a", "contains", "x"),
        not(has("a", "equals", "y")),
        or(has("a", "equals", "x"), { kind: "streams", streams: [stream, foreign] }),
        not(not({ kind: "streams", streams: [stream, foreign] })),
      ];
      for (const query of queries) {
        expect(await search(mine, { query })).toEqual({ total: 1, streams: [stream] });
      }
    });

    test("counts streams by their state, whatever becomes of them", async () => {
      const [organization, other] = [newOrganization(), newOrganization()];
      const totalOf = async (query: Query) => (await search(organization, { query })).total;
      const totals = async () => ({
        all: await totalOf(everything),
        active: await totalOf(has("state", "equals", "active")),
        others: await totalOf(not(has("state", "equals", "active"))),
        locked: await totalOf({ kind: "one-of", key: "state", texts: ["locked", "active"] }),
      });
      const streams = Array.from({ length: 40 }, newStream);
      const all = (state: string | null) =>
        Promise.all(
          streams.map((stream) => write(organization, stream, state === null ? null : { state })),
        );
      await write(other, newStream(), { state: "active" });
      expect(await totals()).toEqual({ all: 0, active: 0, others: 0, locked: 0 });
      await all("active");
      expect(await totals()).toEqual({ all: 40, active: 40, others: 0, locked: 40 });
      // Several changes of one stream in one batch.
      await Promise.all(["locked", "active", "off", null, "locked", "locked", "off"].map(all));
      expect(await totals()).toEqual({ all: 40, active: 0, others: 40, locked: 0 });
      const [first = "", second = "", third = ""] = streams;
      await write(organization, first, { state: "active" });
      await write(organization, second, { state: "locked" });
      await write(organization, third, null);
      expect(await totals()).toEqual({ all: 39, active: 1, others: 38, locked: 2 });
      const refused = write(other, first, { state: "active" });
      await expect(refused).rejects.toThrow();
      expect(await totals()).toEqual({ all: 39, active: 1, others: 38, locked: 2 });
      await all(null);
      expect(await totals()).toEqual({ all: 0, active: 0, others: 0, locked: 0 });
    });

    test("does not store keys of a change that is refused", async () => {
      const organization = newOrganization();
      const [holder, other] = [newStream(), newStream()];
      const take = (stream: string, a: string) =>
        store.change<State>(stream, organization, () => ({
          events: [{ type: "taken", data: {}, creator: "me" }],
          state: { keys: { a } },
          uniqueKeys: [organization],
        }));
      await take(holder, "x");
      await expect(take(other, "y")).rejects.toThrow("unique key");
      expect(await search(organization, {})).toEqual({ total: 1, streams: [holder] });
      expect((await search(organization, { query: has("a", "contains", "y") })).total).toBe(0);
    });

    const manyStates = [
      {
        isUsual: true,
        name: "nearly all active",
        stateOf: (index: number) =>
          index % 90 === 7 ? "locked" : index % 500 === 0 ? "" : "active",
      },
      {
        isUsual: false,
        name: "two thirds active",
        stateOf: (index: number) => (index % 4 === 1 ? "locked" : index % 12 === 0 ? "" : "active"),
      },
    ];

    describe.for(manyStates)("of many, $name", ({ isUsual, stateOf }) => {
      const organization = newOrganization();
      // More than are loaded to be sorted.
      const many = Array.from({ length: 1_500 }, (_, index) => ({
        stream: newStream(),
        keys: {
          a: `Name ${(index * 7) % 1_500}`,
          b: index % 3 === 0 ? "Odd" : "even",
          c: `${index % 10}`,
          phone: index % 60 === 0 ? `+${index}` : "",
          // Of which few streams have a row, and most not even a text.
          ...(index % 40 === 0 && { plainEmail: `plain ${index}` }),
          ...(index % 2 === 0 && { plainLastName: `name ${index}` }),
          state: stateOf(index),
        },
      }));
      beforeAll(async () => {
        await Promise.all(many.map(({ stream, keys }) => write(organization, stream, keys)));
        await settle?.();
      });

      const queries: readonly Query[] = [
        everything,
        has("a", "starts-with", "name", true),
        has("a", "starts-with", "Name"),
        has("a", "contains", "A", true),
        has("a", "contains", "77"),
        has("b", "ends-with", "EN", true),
        not(has("b", "equals", "Odd")),
        and(has("b", "equals", "even"), has("a", "contains", "1")),
        and(has("a", "contains", "N"), has("c", "starts-with", ""), not(has("c", "equals", "3"))),
        or(has("b", "equals", "odd", true), has("a", "contains", "e")),
        and(not(nothing), or(not(has("a", "contains", "1")), has("c", "equals", "1"))),
        has("state", "equals", "active"),
        has("state", "equals", "Active"),
        has("state", "equals", "LOCKED", true),
        not(has("state", "starts-with", "l")),
        { kind: "one-of", key: "state", texts: ["active", "locked"] },
        and(has("state", "equals", "active"), has("a", "contains", "n", true)),
        or(has("state", "ends-with", "e"), has("b", "equals", "Odd")),
        and(not(has("state", "equals", "active")), has("a", "starts-with", "Name")),
        and(not(has("state", "equals", "locked")), has("a", "starts-with", "Name")),
        and(not(has("state", "equals", "")), not(has("b", "equals", "Odd"))),
        or(
          has("state", "equals", "locked"),
          has("c", "starts-with", "1"),
          has("b", "equals", "Odd"),
        ),
        or(
          { kind: "one-of", key: "state", texts: ["", "locked", "none"] },
          not(has("a", "contains", "1")),
        ),
        has("phone", "equals", ""),
        and(has("phone", "equals", ""), has("state", "equals", "active")),
        has("phone", "starts-with", "+"),
        and(has("phone", "contains", ""), not(has("phone", "ends-with", "0"))),
        { kind: "one-of", key: "phone", texts: ["", "+60"] },
        has("plainEmail", "equals", "", true),
        has("plainEmail", "starts-with", "plain 1", true),
        or(has("a", "contains", "e 1", true), has("plainEmail", "contains", "n 8", true)),
        not(or(has("a", "starts-with", "name 1", true), has("plainLastName", "contains", "2"))),
        or(has("a", "equals", "name 7", true), or(has("plainEmail", "equals", "plain 40"))),
        and(has("plainLastName", "contains", "name", true), has("b", "equals", "Odd")),
        or(has("a", "starts-with", "name 1", true), has("plainLastName", "starts-with", "name")),
        or(has("b", "equals", "even"), or({ kind: "one-of", key: "b", texts: ["even", "Odd"] })),
        not(or(has("b", "equals", "EVEN", true), has("a", "starts-with", "Name 3"))),
      ];

      const found = new Map<Query, readonly Placed[]>();
      /** Compared once for all orders. */
      const wantedOf = (query: Query) => {
        const rows = found.get(query) ?? many.filter((row) => isTrue(query, row));
        found.set(query, rows);
        return rows;
      };

      const asked = isUsual ? queries : queries.filter((query) => compares(query, "state"));

      test.for(
        asked.flatMap((query, place) =>
          [undefined, "a", "b", "state"].flatMap((sortBy) =>
            [true, false].map((ascending) => ({ place, query, sortBy, ascending })),
          ),
        ),
      )("lists pages of query $place by $sortBy, ascending $ascending", async (wanted) => {
        const all = naive(wantedOf(wanted.query), { ...wanted, query: everything });
        for (const offset of [0, 5, all.length - 3, all.length, all.length + 7]) {
          const part = { ...wanted, offset, limit: 10 };
          expect(await search(organization, part)).toEqual({
            total: all.length,
            streams: all.slice(offset, offset + 10),
          });
        }
      });

      test.for([true, false])("lists by the creation date, ascending %s", async (ascending) => {
        const isActive = has("state", "equals", "active");
        for (const query of [everything, isActive, and(isActive, has("c", "equals", "1"))]) {
          const wanted = { query, sortBy: "createdAt", ascending };
          const { results } = await store.search<State>(organization, { ...list, ...wanted });
          const dated = results.map(({ stream, head }) => ({
            stream,
            keys: { createdAt: String(head.createdAt).padStart(16, "0") },
          }));
          expect(results.map(({ stream }) => stream)).toEqual(
            sorted(dated, wanted).map(({ stream }) => stream),
          );
          const [first, last] = [results[0]?.head.createdAt, results.at(-1)?.head.createdAt];
          expect(first === last || Number(first) < Number(last) === ascending).toBe(true);
          expect((await search(organization, { ...wanted, offset: 7, limit: 9 })).streams).toEqual(
            results.slice(7, 16).map(({ stream }) => stream),
          );
        }
      });

      test("refuses to look at more texts than it may", async () => {
        const contains = has("a", "contains", "e");
        const query = or(not(everything), ...Array.from({ length: 10_000 }, () => contains));
        await expect(search(organization, { query })).rejects.toThrow(SearchTooBroadError);
      });

      test("drops searches that no caller waits for, and answers the others", async () => {
        const gone = new AbortController();
        const notA = not(has("a", "contains", "nowhere"));
        const searches = [gone.signal, undefined, gone.signal].map((signal) =>
          // Its page may be looked up; only a scan counts all.
          store.search(organization, { ...list, query: notA, limit: 1 }, signal),
        );
        gone.abort(new RangeError("gone"));
        const results = await Promise.allSettled(searches);
        expect(results[1]).toMatchObject({ value: { total: 1_500 } });
        expect(results[2]).toMatchObject({ reason: expect.any(RangeError) });
      });
    });

    const letter = fc.constantFrom("a", "A", "b", "ß", "S", "s", "ς", "Σ", "🦒", "\uffff", "%", "");
    const text = fc.array(letter, { maxLength: 4 }).map((letters) => letters.join(""));
    const key = fc.constantFrom("a", "b", "state", "phone", "plainEmail");
    const state = fc.constantFrom("s", "a%", "");
    const comparison: fc.Arbitrary<Query> = fc.oneof(
      fc.record({
        kind: fc.constant("text" as const),
        key,
        method: fc.constantFrom<Method>("equals", "starts-with", "contains", "ends-with"),
        text,
        ignoreCase: fc.boolean(),
      }),
      fc.record({ kind: fc.constant("one-of" as const), key, texts: fc.array(text) }),
      fc.record({
        kind: fc.constant("streams" as const),
        streams: fc.array(fc.nat(7).map(String), { maxLength: 4 }),
      }),
    );
    const { query } = fc.letrec<{ query: Query }>((tie) => ({
      query: fc.oneof(
        { maxDepth: 4, depthSize: "small" },
        comparison,
        fc.record({
          kind: fc.constantFrom("and" as const, "or" as const),
          queries: fc.array(tie("query"), { maxLength: 3 }),
        }),
        fc.record({ kind: fc.constant("not" as const), query: tie("query") }),
      ),
    }));

    test("agrees with a plain filter over random streams and queries", async () => {
      const property = fc.asyncProperty(
        fc.array(
          fc.record(
            { a: text, b: text, state, phone: text, plainEmail: text },
            { requiredKeys: ["a", "b", "state", "phone"] },
          ),
          { maxLength: 8 },
        ),
        fc.array(query, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(undefined, "a", "b", "state"),
        fc.boolean(),
        async (rows, wanted, sortBy, ascending) => {
          const organization = newOrganization();
          const streamOf = (index: number | string) => `${index}-${organization}`;
          const placed = rows.map((keys, index) => ({ stream: streamOf(index), keys }));
          await Promise.all(placed.map(({ stream, keys }) => write(organization, stream, keys)));
          for (const each of wanted) {
            const named = withStreams(each, streamOf);
            const order = { query: named, sortBy, ascending };
            const all = naive(placed, order);
            expect(await search(organization, order)).toEqual({ total: all.length, streams: all });
            // No comparison leads to the streams now.
            expect(await search(organization, { ...order, query: not(not(named)) })).toEqual({
              total: all.length,
              streams: all,
            });
            const part = { ...order, offset: 1, limit: 2 };
            expect(await search(organization, part)).toEqual({
              total: all.length,
              streams: all.slice(1, 3),
            });
          }
        },
      );
      await fc.assert(property, { numRuns: 60 });
    });

    /** Around where an index of PostgreSQL cuts: 1,000 bytes. */
    const long = fc
      .tuple(
        fc.constantFrom("", "x".repeat(993), "x".repeat(996), "🦒".repeat(249), "ß".repeat(499)),
        fc.array(fc.constantFrom("a", "A", "ß", "🦒", "x"), { maxLength: 6 }),
        fc.constantFrom("", "", "y".repeat(1_500)),
      )
      .map(([start, letters, end]) => start + letters.join("") + end);

    test("C6: agrees with a plain filter over texts of any length", async () => {
      const comparing = fc.record({
        kind: fc.constant("text" as const),
        key: fc.constantFrom("a", "b"),
        method: fc.constantFrom<Method>("equals", "starts-with", "contains", "ends-with"),
        text: fc.oneof(long, text),
        ignoreCase: fc.boolean(),
      });
      const property = fc.asyncProperty(
        fc.array(fc.record({ a: long, b: long }), { minLength: 1, maxLength: 6 }),
        fc.array(comparing, { minLength: 4, maxLength: 8 }),
        async (rows, wanted) => {
          const organization = newOrganization();
          const placed = rows.map((keys, index) => ({ stream: `${index}-${organization}`, keys }));
          // Of what there is, too, and all of it twice over.
          const own = placed.flatMap(({ keys }) => [
            has("a", "equals", keys.a, true),
            has("b", "ends-with", keys.b.slice(1)),
            has("a", "starts-with", keys.a.slice(0, 998)),
            { kind: "one-of" as const, key: "a", texts: [keys.a, keys.b] },
          ]);
          await Promise.all(placed.map(({ stream, keys }) => write(organization, stream, keys)));
          for (const query of [...wanted, ...own]) {
            const all = naive(placed, { ...list, query });
            const found = { total: all.length, streams: all };
            expect(await search(organization, { query })).toEqual(found);
            expect(await search(organization, { query: not(not(query)) })).toEqual(found);
          }
        },
      );
      await fc.assert(property, { numRuns: 20 });
    });

    test("C6: takes texts and ids that no index compresses, and changes them", async () => {
      const astral = (length: number) =>
        Array.from({ length }, () => String.fromCodePoint(0x10000 + randomInt(0xfffff))).join("");
      const organization = astral(200);
      const stream = astral(200);
      const [first, second] = [astral(700), astral(700)];
      // Of the same beginning.
      const third = second.slice(0, 1_000) + first.slice(1_000);
      for (const a of [first, second, third, "short", third]) {
        await write(organization, stream, { a, b: first });
        for (const each of [first, second, third, "short"]) {
          for (const method of ["equals", "ends-with", "starts-with", "contains"] as const) {
            const query = has("a", method, each);
            expect((await search(organization, { query })).total, method).toBe(Number(each === a));
          }
        }
        expect(await search(organization, { query: has("b", "equals", first) })).toMatchObject({
          total: 1,
        });
      }
      await write(organization, stream, null);
      expect(await search(organization, {})).toMatchObject({ total: 0 });
    });

    test("is unavailable after it closed", async () => {
      const closing = await open(keysOf);
      await closing.close();
      for (const query of [everything, has("a", "equals", "x"), has("a", "contains", "x")]) {
        await expect(closing.search("org", { ...list, query })).rejects.toMatchObject({
          name: "StoreUnavailableError",
        });
      }
    });
  });
}

type Placed = { readonly stream: string; readonly keys: SearchKeys };

/** The streams of a list, in order: as plain as can be. */
function naive(
  rows: readonly Placed[],
  { query, sortBy, ascending }: Pick<Search, "query" | "sortBy" | "ascending">,
): string[] {
  const placed = rows
    .filter((row) => isTrue(query, row))
    .map(({ stream, keys }) => ({
      stream,
      id: codePoints(stream),
      place: codePoints(sortBy === undefined ? "" : withoutCase(keys[sortBy] ?? "")),
    }))
    .sort((a, b) => compare(a.place, b.place) || compare(a.id, b.id))
    .map(({ stream }) => stream);
  return ascending ? placed : placed.reverse();
}

function isTrue(query: Query, { stream, keys }: Placed): boolean {
  switch (query.kind) {
    case "and":
      return !query.queries.some((each) => !isTrue(each, { stream, keys }));
    case "or":
      return query.queries.some((each) => isTrue(each, { stream, keys }));
    case "not":
      return !isTrue(query.query, { stream, keys });
    case "attribute":
    case "organizations":
      // Have contracts of their own.
      return false;
    case "streams":
      return query.streams.some((each) => each === stream);
    case "one-of":
      return query.texts.some((each) => each === (keys[query.key] ?? ""));
    case "text": {
      const text = codePoints(written(keys[query.key] ?? "", query.ignoreCase));
      const part = codePoints(written(query.text, query.ignoreCase));
      const places = Array.from({ length: text.length + 1 }, (_, index) => index).filter((index) =>
        part.every((each, offset) => text[index + offset] === each),
      );
      const last = text.length - part.length;
      switch (query.method) {
        case "equals":
          return places.includes(0) && last === 0;
        case "starts-with":
          return places.includes(0);
        case "contains":
          return places.length > 0;
        case "ends-with":
          return places.includes(last);
      }
    }
  }
}

const written = (text: string, ignoreCase: boolean) => (ignoreCase ? withoutCase(text) : text);
const withoutCase = (text: string) => [...text].map((each) => each.toLowerCase()).join("");
const codePoints = (text: string) => [...text].map((each) => each.codePointAt(0) ?? 0);

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, each] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (each !== other) return each - other;
  }
  return a.length - b.length;
}

/** The same query of streams with other ids. */
function withStreams(query: Query, rename: (stream: string) => string): Query {
  switch (query.kind) {
    case "and":
    case "or":
      return { ...query, queries: query.queries.map((each) => withStreams(each, rename)) };
    case "not":
      return { ...query, query: withStreams(query.query, rename) };
    case "streams":
      return { ...query, streams: query.streams.map(rename) };
    default:
      return query;
  }
}
