import { afterEach, describe, expect, test } from "vitest";
import type { EventStore, Head } from "../../../src/store/event-store.ts";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../../src/store/postgres/event-store.ts";
import { createPostgresSearch } from "../../../src/store/postgres/search.ts";
import type { Search } from "../../../src/store/search.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

type State = { readonly state: string; readonly name?: string };
const keysOf = ({ state: { state, name = "" } }: Pick<Head<State>, "state">) => ({ state, name });

const everything = { kind: "and", queries: [] } as const;
const isActive = {
  ...({ kind: "text", key: "state", method: "equals" } as const),
  ...{ text: "active", ignoreCase: true },
};

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

/** Three active streams, of which others change something before a search runs its next statement. */
async function open() {
  const database = await openPostgres(await newPostgresDatabase(), keysOf);
  const store = createPostgresEventStore({ database, now: () => Date.now() * 1_000 });
  const set = (stream: string, state: string, name = "") =>
    store.change<State>(stream, "org", () => ({
      events: [{ type: "set", data: {}, creator: "me" }],
      state: { state, name },
    }));
  for (const stream of ["a", "b", "c"]) await set(stream, "active");
  const changes: { readonly before: RegExp; readonly change: () => Promise<unknown> }[] = [];
  const afterChange = async <Answer>(text: string, run: () => Promise<Answer>) => {
    if (changes[0]?.before.test(text)) await changes.shift()?.change();
    return run();
  };
  const searching = createPostgresSearch({
    ...database,
    read: (statement, lane) => afterChange(statement.text, () => database.read(statement, lane)),
    scan: (statement, signal) =>
      afterChange(statement.text, () => database.scan(statement, signal)),
  });
  opened.push(searching, store);
  const search = async (wanted: Partial<Search>) => {
    const list = { query: everything, sortBy: undefined, ascending: true, offset: 0, limit: 10 };
    const found = await searching.search<State>("org", { ...list, ...wanted });
    expect(changes).toEqual([]);
    return found;
  };
  return { store: store satisfies EventStore, set, changes, search };
}

const isNamed = (text: string) => ({ ...isActive, key: "name", text });
const lookUp = /^select .*from search_keys/s;
const load = /^select stream, .* from heads where stream = any/s;
const page = /^select k\.stream from heads k .* limit/s;

describe("a search between whose statements others change something", () => {
  test("leaves out who matches no more when the head is read", async () => {
    const { set, changes, search } = await open();
    // If they were few, all would be compared.
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => set(`d${index}`, "active")));
    changes.push({ before: load, change: () => set("b", "locked") });
    const { results } = await search({ query: isActive, limit: 3 });
    expect(results.map(({ stream }) => stream)).toEqual(["a", "c"]);
  });

  test("finds each stream once, also if its status comes to be the next one on the page", async () => {
    const { set, changes, search } = await open();
    await set("c", "locked");
    changes.push(
      { before: page, change: async () => {} },
      { before: page, change: () => set("b", "locked") },
    );
    const { results } = await search({ sortBy: "state" });
    expect(results.map(({ stream }) => stream)).toEqual(["a", "b", "c"]);
  });

  test("tells of no fewer than it finds", async () => {
    const { set, changes, search } = await open();
    changes.push({ before: page, change: () => set("d", "active") });
    expect(await search({})).toMatchObject({ total: 4, results: { length: 4 } });
  });

  test("finds whoever has one of two names before, and the other one after", async () => {
    const { set, changes, search } = await open();
    await set("b", "active", "old");
    changes.push(
      { before: lookUp, change: async () => {} },
      { before: /./, change: () => set("b", "active", "new") },
    );
    const inner = { kind: "or" as const, queries: [isNamed("old")] };
    const query = { kind: "or" as const, queries: [isNamed("new"), inner] };
    const { total, results } = await search({ query });
    expect([total, ...results.map(({ stream }) => stream)]).toEqual([1, "b"]);
  });
});
