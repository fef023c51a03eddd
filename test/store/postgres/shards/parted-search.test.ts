import { afterAll, expect, test } from "vitest";
import type { KeysOf } from "../../../../src/store/event-store.ts";
import { createPostgresEventStore } from "../../../../src/store/postgres/event-store.ts";
import { createCountFolder } from "../../../../src/store/postgres/fold-counts.ts";
import type { Query } from "../../../../src/store/search.ts";
import { query } from "../../../support/postgres.ts";
import { describeSearch } from "../../search.contract.ts";
import { describeSearchScopes } from "../../search-scopes.contract.ts";
import { newPartedDatabase, type PartedDatabase } from "./parted-database.ts";

const now = () => Date.now() * 1_000;
const opened: PartedDatabase[] = [];

async function open<State>(keysOf?: KeysOf<State>) {
  const parted = await newPartedDatabase(keysOf);
  opened.push(parted);
  return createPostgresEventStore({ database: parted.database, now });
}

afterAll(() => {
  // What the engine answered would prove nothing about parts.
  expect(opened.map(({ missed }) => missed())).toEqual(opened.map(() => 0));
});

/** Without it, the engine plans for tables without rows, and compares each row with all others. */
const analyzeAll = () => Promise.all(opened.map(({ url }) => query(url, "analyze")));

describeSearch("PostgreSQL, read part by part:", open, analyzeAll);
describeSearchScopes("PostgreSQL, read part by part:", open);

test("a fold of the numbers leaves the sum of each part as it was", async () => {
  const { url, database } = await newPartedDatabase<{ name: string }>(() => ({ state: "active" }));
  const store = createPostgresEventStore({ database, now });
  for (const number of Array(60).keys()) {
    await store.change(`id-${number}`, "org", () => ({
      events: [{ type: "added", data: {}, creator: "c" }],
      state: { name: "" },
    }));
  }
  const sums = () =>
    Promise.all(
      (database.shards.parts() ?? []).map(({ names }) =>
        query(
          url,
          `select count(*)::int as rows, sum(total)::int as total from ${names.head_counts}`,
        ),
      ),
    );
  const before = await sums();
  const counts = createCountFolder(database);
  counts.stored({ organization: "org", status: "active", statusBefore: "" });
  await counts.foldAll();
  expect((await sums()).flat()).toEqual(before.flat().map(({ total }) => ({ rows: 1, total })));
  expect(before.flat().every(({ rows, total }) => Number(rows) > 1 && rows === total)).toBe(true);
  await counts.close();
  await store.close();
});

test("a page of which one part has nearly everything is whole and in order", async () => {
  const { database } = await newPartedDatabase<{ name: string }>(({ state }) => ({
    name: state.name,
  }));
  const store = createPostgresEventStore({ database, now });
  const ids = Array.from({ length: 2_000 }, (_, number) => `id-${number}`);
  const groups = Map.groupBy(ids, (id) => database.shards.placeOf(id)?.group);
  const [most = [], ...others] = [...groups.values()];
  const streams = [...most.slice(0, 300), ...others.flatMap((own) => own.slice(0, 3))];
  const names = new Map(
    streams.map((stream, number) => [stream, `n-${(number * 7_919) % 1_000}-${number}`]),
  );
  for (const stream of streams) {
    await store.change(stream, "org", () => ({
      events: [{ type: "added", data: {}, creator: "c" }],
      state: { name: names.get(stream) ?? "" },
    }));
  }
  const expected = streams.toSorted((a, b) =>
    (names.get(a) ?? "") < (names.get(b) ?? "") ? -1 : 1,
  );
  for (const offset of [0, 50, 250]) {
    const page = { query: { kind: "and", queries: [] }, sortBy: "name", ascending: true } as const;
    const found = await store.search("org", { ...page, offset, limit: 100 });
    expect(found.total).toBe(streams.length);
    expect(found.results.map(({ stream }) => stream)).toEqual(expected.slice(offset, offset + 100));
  }
  await store.close();
});

test("parts are asked for streams of every organization, as long as statements can name all organizations", async () => {
  const { url, database, missed } = await newPartedDatabase<{ name: string }>(({ state }) => ({
    name: state.name,
    state: "active",
  }));
  const ofWhole: string[] = [];
  const store = createPostgresEventStore({
    database: {
      ...database,
      read(statement, ...more) {
        if (/search_keys|head_counts/.test(statement.text)) ofWhole.push(statement.text);
        return database.read(statement, ...more);
      },
      scan(statement, signal) {
        ofWhole.push(statement.text);
        return database.scan(statement, signal);
      },
    },
    now,
  });
  const add = (organization: number) =>
    store.change(`id-${organization}`, `org-${organization}`, () => ({
      events: [{ type: "added", data: {}, creator: "c" }],
      state: { name: `n-${organization}` },
    }));
  const hasOne: Query = {
    ...{ kind: "text", key: "name", method: "contains" },
    ...{ text: "N-1", ignoreCase: true },
  };
  const searched = async (wanted: Query) => {
    const page = { query: wanted, sortBy: "name", ascending: true, offset: 1, limit: 3 };
    const { total, results } = await store.search({ everyOrganization: true }, page);
    return [total, ...results.map(({ stream }) => stream)];
  };
  const everybody: Query = { kind: "and", queries: [] };
  await Promise.all([1, 2, 10, 1_000].map(add));
  expect(await searched(hasOne)).toEqual([3, "id-10", "id-1000"]);
  expect(await searched(everybody)).toEqual([4, "id-10", "id-1000", "id-2"]);
  expect(ofWhole).toEqual([]);
  expect(missed()).toBe(0);

  await query(
    url,
    `insert into head_counts (organization, status, stream, change, total)
     select 'other-' || n, 'active', n, gen_random_uuid(), 0 from generate_series(1, 4996) as n`,
  );
  expect(await searched(everybody)).toEqual([4, "id-10", "id-1000", "id-2"]);
  expect(ofWhole).toEqual([]);
  await add(1_001);
  expect(await searched(everybody)).toEqual([5, "id-10", "id-1000", "id-1001"]);
  expect(ofWhole).not.toEqual([]);
  await store.close();
});
