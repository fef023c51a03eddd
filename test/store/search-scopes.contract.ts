import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventStore, KeysOf } from "../../src/store/event-store.ts";
import type { Query, Search, SearchKeys, SearchScope } from "../../src/store/search.ts";

type State = { readonly keys: SearchKeys | null };

const keysOf: KeysOf<State> = ({ state }) => state.keys ?? undefined;

const and = (...queries: Query[]): Query => ({ kind: "and", queries });
const or = (...queries: Query[]): Query => ({ kind: "or", queries });
const not = (query: Query): Query => ({ kind: "not", query });
const text = (method: "equals" | "starts-with" | "contains" | "ends-with", a: string): Query => ({
  kind: "text",
  key: "a",
  method,
  text: a,
  ignoreCase: true,
});
const everywhere = { everyOrganization: true } as const;

/** What the search of every event store must do over several organizations. Call it once per engine. */
export function describeSearchScopes(
  name: string,
  open: (keysOf: KeysOf<State>) => Promise<EventStore>,
) {
  describe(`${name} search over several organizations`, () => {
    let store: EventStore;
    const run = randomUUID();
    const [ape, bee, cat] = [`a-${run}`, `b-${run}`, `c-${run}`] as const;
    /** Every text is in two organizations, each time in another one first. */
    const placed = [
      [ape, "1", "Ox"],
      [bee, "2", "ox"],
      [cat, "3", "Emu"],
      [ape, "4", "Gnu"],
      [bee, "5", "emu"],
      [cat, "6", "gnu"],
      [bee, "7", "Yak"],
    ].map(([organization = "", id, a = ""]) => ({ organization, stream: `${id}-${run}`, a }));

    beforeAll(async () => {
      store = await open(keysOf);
      for (const { organization, stream, a } of placed) await write(organization, stream, { a });
      await write(ape, `8-${run}`, { a: "Ox" });
      await write(ape, `8-${run}`, null);
    });
    afterAll(() => store.close());

    const write = (organization: string, stream: string, keys: SearchKeys | null) =>
      store.change<State>(stream, organization, () => ({
        events: [{ type: "written", data: {}, creator: "me" }],
        state: { keys },
      }));
    const search = async (scope: SearchScope, wanted: Partial<Search>) => {
      const list = { query: and(), sortBy: undefined, ascending: true, offset: 0, limit: 100 };
      const { total, results } = await store.search<State>(scope, { ...list, ...wanted });
      for (const { stream, head } of results) {
        const { organization } = placed.find((each) => each.stream === stream) ?? {};
        expect(head.organization).toBe(organization);
      }
      return { total, ids: results.map(({ stream }) => stream[0]).join("") };
    };
    /** The streams of this run: others may be in the database. */
    const ours: Query = {
      kind: "streams",
      streams: [...placed.map(({ stream }) => stream), `8-${run}`],
    };

    test.for<[name: string, scope: SearchScope, ids: string]>([
      ["one", ape, "14"],
      ["a list of one", [ape], "14"],
      ["two", [ape, cat], "1346"],
      ["two, one of them twice", [ape, cat, ape], "1346"],
      ["all, named", [cat, bee, ape], "1234567"],
      ["one that has nothing beside one", [`d-${run}`, bee], "257"],
      ["one that has nothing", `d-${run}`, ""],
      ["two that have nothing", [`d-${run}`, ""], ""],
      ["none", [], ""],
    ])("finds the streams of %s and no others, in order", async ([, scope, ids]) => {
      expect(await search(scope, {})).toEqual({ total: ids.length, ids });
      const reverse = { total: ids.length, ids: [...ids].reverse().join("") };
      expect(await search(scope, { ascending: false })).toEqual(reverse);
    });

    test("finds those of every organization where the code says so", async () => {
      expect(await search(everywhere, { query: ours })).toEqual({ total: 7, ids: "1234567" });
      expect(await search(everywhere, { query: and(ours, text("equals", "emu")) })).toEqual({
        total: 2,
        ids: "35",
      });
    });

    test.for<[name: string, query: Query, ids: string]>([
      ["equals", text("equals", "OX"), "12"],
      ["begins", text("starts-with", "g"), "46"],
      ["contains", text("contains", "m"), "35"],
      ["ends", text("ends-with", "U"), "3546"],
      ["is not", not(text("contains", "u")), "127"],
      ["one of", { kind: "one-of", key: "a", texts: ["Ox", "gnu", "emu"] }, "561"],
      ["one or another", or(text("equals", "yak"), text("ends-with", "x")), "127"],
      ["of an organization", { kind: "organizations", organizations: [bee] }, "527"],
      ["of two organizations", { kind: "organizations", organizations: [bee, cat] }, "35627"],
      ["of another organization", not({ kind: "organizations", organizations: [bee] }), "3461"],
      [
        "of an organization, and begins",
        and({ kind: "organizations", organizations: [cat, "none"] }, text("starts-with", "e")),
        "3",
      ],
      ["of no organization", { kind: "organizations", organizations: [] }, ""],
    ])("compares and sorts texts across organizations: %s", async ([, query, ids]) => {
      const wanted = { query, sortBy: "a" };
      expect(await search([ape, bee, cat], wanted)).toEqual({ total: ids.length, ids });
      expect(await search(everywhere, { ...wanted, query: and(ours, query) })).toEqual({
        total: ids.length,
        ids,
      });
      expect(await search([ape, bee, cat], { ...wanted, limit: 2, offset: 1 })).toEqual({
        total: ids.length,
        ids: ids.slice(1, 3),
      });
    });

    test("a query for organizations does not widen the scope", async () => {
      const query: Query = { kind: "organizations", organizations: [ape, bee, cat] };
      expect(await search(ape, { query })).toEqual({ total: 2, ids: "14" });
      expect(await search([ape, bee], { query })).toEqual({ total: 5, ids: "12457" });
      expect(await search(ape, { query: or(ours, query) })).toEqual({ total: 2, ids: "14" });
      expect(await search([ape, bee], { query: ours })).toEqual({ total: 5, ids: "12457" });
    });

    test("finds the holders of an attribute in each organization of the scope", async () => {
      const value = Buffer.from(run);
      for (const { organization, stream } of placed.slice(0, 3))
        await store.change<State>(stream, organization, (head) => ({
          events: [{ type: "set", data: {}, creator: "me" }],
          state: head?.state ?? { keys: null },
          attributes: [{ key: "pet", value }],
        }));
      const query: Query = { kind: "attribute", key: "pet", value };
      expect(await search([ape, bee], { query })).toEqual({ total: 2, ids: "12" });
      expect(await search(cat, { query })).toEqual({ total: 1, ids: "3" });
      expect(await search(everywhere, { query })).toEqual({ total: 3, ids: "123" });
      expect(await search([ape, bee], { query: not(query) })).toEqual({ total: 3, ids: "457" });
    });
  });
}
