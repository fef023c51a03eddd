import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { createWholeChanges } from "../../../../src/store/postgres/cluster/whole-changes.ts";
import type { Connection } from "../../../../src/store/postgres/connection/connection.ts";
import type { Postgres } from "../../../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../../../src/store/postgres/event-store.ts";
import { query } from "../../../support/postgres.ts";
import { newPartedDatabase } from "../shards/parted-database.ts";

const head = (stream: string) =>
  `insert into heads (stream, organization, version, change, created_at, changed_at, state, status)
   values ('${stream}', 'o', 1, gen_random_uuid(), 1, 1, '{"name":"wanted"}', null)`;

/** Another node may have committed what these leave open, and a receipt of it is seen already. */
test.for([
  { what: "changes the head", before: [head("s")], open: "update heads set changed_at = 2" },
  { what: "begins the stream", before: [], open: head("s") },
  {
    what: "takes the stream's name",
    before: [head("s")],
    open: "insert into claims (name, stream) values ('wanted', 's')",
  },
])(
  "a receipt is not told of while a transaction that $what is not over, because its change may be a part of that",
  async ({ before, open }) => {
    const { database, url } = await newPartedDatabase();
    const uniqueKeysOf = (state: unknown) => [(state as { name: string }).name];
    const now = () => Date.now() * 1_000;
    const store = createPostgresEventStore({ database: { ...database, uniqueKeysOf }, now });
    onTestFinished(() => store.close());
    for (const text of before) await query(url, text);
    await query(url, `insert into receipts values ('me', 'n', 's', ${now()}, 'kept')`);
    const other = new Client({ connectionString: url });
    await other.connect();
    onTestFinished(() => other.end());
    await other.query("begin");
    await other.query(open);
    const found = store.receipts.find({ owner: "me", name: "n" });
    expect(await Promise.race([found, pause(500, "waits")])).toBe("waits");
    await other.query("commit");
    expect(Buffer.from((await found) ?? []).toString()).toBe("kept");
    // Nothing of what waited is left.
    expect(await query(url, "select stream, organization from heads")).toEqual([
      { stream: "s", organization: "o" },
    ]);
    expect(await query(url, "select 1 from claims where stream <> 's'")).toEqual([]);
  },
);

/** All streams stand on one node, where somebody has locked the rows of some. */
function withLocked(isLocked: (stream: unknown) => boolean) {
  const connection: Partial<Connection> = {
    destroy() {},
    async run(statements) {
      if (!isLocked(statements[1]?.values?.[0])) return statements.map(() => []);
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      throw new Error("canceling statement due to statement timeout");
    },
  };
  const shards: Partial<Postgres["shards"]> = { placeOf: () => undefined };
  const database: Partial<Postgres> = {
    shards: shards as Postgres["shards"],
    read: async () => [],
    link: () => ({ get: async () => connection as Connection, async close() {} }),
  };
  return createWholeChanges(database as Postgres);
}

const problemOf = (waiting: Promise<void>) =>
  waiting.then(
    () => "shown",
    (error: Error) => error.message,
  );

test("a stream whose rows are locked keeps those behind it waiting, and does not make them fail", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { shown } = withLocked((stream) => stream === "locked");
  const all = ["locked", "a", "b"].map((stream) => problemOf(shown([stream])));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await Promise.all(all)).toEqual([
    "PostgreSQL: canceling statement due to statement timeout",
    "shown",
    "shown",
  ]);
});

test("whoever waits behind many streams whose rows are locked is refused in time", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { shown } = withLocked((stream) => stream !== "free");
  const all = Array.from({ length: 100 }, (_, place) => problemOf(shown([`locked-${place}`])));
  all.push(problemOf(shown(["free"])));
  await vi.advanceTimersByTimeAsync(20_000);
  const last = (await Promise.all(all)).at(-1);
  expect(last).toBe("PostgreSQL: too many wait for a node of the cluster to show all of a change");
  expect(await problemOf(shown(["free"]))).toBe("shown");
});
