import { expect, onTestFinished, test } from "vitest";
import type { FeedEvent } from "../../../../src/store/feed.ts";
import { numberEvents, withoutGaps } from "../../../../src/store/postgres/cluster/number-events.ts";
import { connectToPrimary } from "../../../../src/store/postgres/connection/connector.ts";
import { openPostgres } from "../../../../src/store/postgres/database.ts";
import { createPostgresFeed } from "../../../../src/store/postgres/feed.ts";
import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";

const at = (...positions: number[]) => positions.map((position) => ({ position }) as FeedEvent);

test("a page ends before the first position that is missing", () => {
  expect(withoutGaps(0, at(1, 2, 3))).toEqual(at(1, 2, 3));
  expect(withoutGaps(4, at(5, 6, 8, 9))).toEqual(at(5, 6));
  expect(withoutGaps(4, at(6, 7))).toEqual([]);
  expect(withoutGaps(4, [])).toEqual([]);
});

/** Streams are on several nodes of a cluster; here one has them, and only what is asked is the same. */
async function openFeed() {
  const url = await newPostgresDatabase();
  const database = await openPostgres(url);
  const feed = createPostgresFeed({ ...database, isCluster: true });
  onTestFinished(() => feed.close());
  /** @param versions SQL of a set, in the order in which the events are stored. */
  const store = async (stream: string, versions: string, position = "null::bigint") => {
    await query(
      url,
      `insert into heads (stream, organization, version, change, created_at, changed_at, state, status)
         values ('${stream}', 'org', 200000, gen_random_uuid(), 1, 1, '{}', null) on conflict do nothing;
       insert into events (stream, version, change, at, type, data, creator, position)
         select '${stream}', version, gen_random_uuid(), 1, 'said', '{}', 'me', ${position}
         from ${versions} as v (version)`,
    );
  };
  const readAll = async (limit: number) => {
    const seen: string[] = [];
    for (let after = 0; ; ) {
      const page = await feed.read(after, limit);
      if (page.length === 0) return seen;
      seen.push(...page.map(({ stream, version }) => `${stream} ${version}`));
      after = page.at(-1)?.position ?? after;
    }
  };
  return { url, store, readAll };
}

const list = (...versions: number[]) => `unnest(array[${versions}]::bigint[])`;

test.for([1, 3, 1_000])(
  "the feed gives all events of streams whose versions have gaps, %i at a time",
  async (limit) => {
    const { store, readAll } = await openFeed();
    await store("a", list(1, 2, 3));
    await store("b", list(5_001, 1, 5_000));
    await store("c", list(4_321));
    const seen = await readAll(limit);
    await store("a", list(7_000, 4, 6_000));
    await store("c", list(9_000));
    const more = (await readAll(limit)).slice(seen.length);
    const inOrder = (events: readonly string[]) => Map.groupBy(events, ([stream]) => stream);
    expect([...inOrder(seen).values()].flat().sort()).toEqual([
      "a 1",
      "a 2",
      "a 3",
      "b 1",
      "b 5000",
      "b 5001",
      "c 4321",
    ]);
    expect(inOrder(seen).get("a")).toEqual(["a 1", "a 2", "a 3"]);
    expect(inOrder(seen).get("b")).toEqual(["b 1", "b 5000", "b 5001"]);
    expect(inOrder(more).get("a")).toEqual(["a 4", "a 6000", "a 7000"]);
    expect(inOrder(more).get("c")).toEqual(["c 9000"]);
  },
);

test("streams whose versions begin high do not keep the others from the feed", async () => {
  const { store, readAll } = await openFeed();
  for (let place = 0; place < 10; place += 1) await store(`a${place}`, list(5_000 + place));
  await store("z", list(1, 2));
  expect((await readAll(10)).sort().slice(-2)).toEqual(["z 1", "z 2"]);
});

test.for([
  { what: "no event has a position", numbered: 0 },
  { what: "half of them have one", numbered: 50_000 },
  { what: "all but the last ten have one", numbered: 99_990 },
])("a round reads few of the events of a user with 100,000, where $what", async ({ numbered }) => {
  const { url, store } = await openFeed();
  await store("s", `generate_series(1, ${numbered})`, "version");
  // The engine finds those first that were stored first.
  await store("s", `generate_series(100000, ${numbered} + 1, -1)`);
  await query(url, "analyze events");
  const connection = await connectToPrimary(url);
  onTestFinished(() => connection.close());
  await connection.query({ text: "begin" });
  expect(await numberEvents(connection, numbered, 10)).toBe(10);
  const [read] = await connection.query({
    text: `select (seq_tup_read + idx_tup_fetch)::int as rows from pg_stat_xact_user_tables
      where relname = 'events'`,
  });
  expect(read?.rows).toBeLessThan(100);
  const given = await connection.query({
    text: "select version::int, position::int from events where position > $1 order by position",
    values: [numbered],
  });
  const expected = Array.from({ length: 10 }, (_, place) => numbered + 1 + place);
  expect(given).toEqual(expected.map((each) => ({ version: each, position: each })));
  await connection.query({ text: "rollback" });
});
