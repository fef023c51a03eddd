import { Client } from "pg";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createHangingNodes } from "../../../../src/store/postgres/cluster/hanging-nodes.ts";
import { createPostgresEventStore } from "../../../../src/store/postgres/event-store.ts";
import {
  createPartReads,
  type PartQuestion,
} from "../../../../src/store/postgres/shards/part-reads.ts";
import type { Part } from "../../../../src/store/postgres/shards/shard-map.ts";
import { query } from "../../../support/postgres.ts";
import { newPartedDatabase } from "./parted-database.ts";

async function newParts(isPatient = true) {
  const parted = await newPartedDatabase(undefined, isPatient);
  parted.database.acquire();
  onTestFinished(() => parted.database.release());
  const parts = parted.database.shards.parts() ?? [];
  return { ...parted, reads: parted.parts, parts };
}

const ask = (part: Part | undefined, text: string): PartQuestion => {
  if (part === undefined) throw new Error("there is no part");
  return { part, text, values: [] };
};

/** A transaction of somebody else. */
async function begin(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("begin");
  return client;
}

const pendingText = `select xmax = 0 as "isUntouched" from pg_dist_placement where shardid = 101`;

describe("reads of parts", () => {
  test("answer for the tables that the server has under other names", async () => {
    const { reads, parts, url } = await newParts();
    await query(url, "insert into head_counts values ('o', 'active', 's', gen_random_uuid(), 7)");
    const answers = await reads.ask(
      parts.map((part) => ask(part, "select sum(total) from head_counts having count(*) > 0")),
    );
    expect(answers?.flat()).toEqual([["7"]]);
  });

  test("are given up if a part was moved, although the old one can still be read", async () => {
    const { reads, parts, have } = await newParts(false);
    await expect.poll(() => reads.ask([ask(parts[0], "select 1 from heads")])).toEqual([[]]);
    await have([102, 103, 104]);
    expect(await reads.ask([ask(parts[0], "select 1 from heads")])).toBeUndefined();
    // They rest for a second.
    await expect.poll(() => reads.ask([ask(parts[1], "select 1 from heads")])).toEqual([[]]);
  });

  test("are given up while a move is not over at the server, and go on if it was undone", async () => {
    const { reads, parts, url } = await newParts(false);
    const answer = (place: number) => reads.ask([ask(parts[place], "select 1 from heads")]);
    const answers = (place: number) => expect.poll(() => answer(place)).toEqual([[]]);
    await answers(0);
    const mover = await begin(url);
    await mover.query("update pg_dist_placement set groupid = 2 where shardid = 101");
    expect(await answer(0)).toBeUndefined();
    await answers(1);
    await mover.query("rollback");
    await answers(0);
    // The row still tells that somebody wanted to change it.
    expect(await query(url, pendingText)).toEqual([{ isUntouched: false }]);
  });

  test("do not make anybody wait for a server that cannot be reached", async () => {
    const { parts } = await newParts();
    const renewals = vi.fn();
    let connects = 0;
    const never = new Promise<never>(() => {});
    const reads = createPartReads({
      connect: () => {
        connects += 1;
        return never;
      },
      shards: { renew: renewals },
      hanging: createHangingNodes(),
    });
    for (const _ of Array(3)) {
      expect(await reads.ask([ask(parts[0], "select 1 from heads")])).toBeUndefined();
    }
    expect(connects).toBe(2);
  });

  test("go on after a connection was lost", async () => {
    const { reads, parts, url } = await newParts(false);
    const answer = () => reads.ask([ask(parts[0], "select count(*) from heads")]);
    await expect.poll(answer).toEqual([[["0"]]]);
    await query(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    );
    await expect.poll(answer).toEqual([[["0"]]]);
  });

  test("are cancelled when nobody waits for them", async () => {
    const { reads, parts, url } = await newParts();
    const controller = new AbortController();
    const reason = new Error("the caller has left");
    const scan = reads.scan([ask(parts[0], "select pg_sleep(4) from pg_class")], controller.signal);
    scan.catch(() => {});
    const running = () =>
      query(url, "select 1 from pg_stat_activity where query like 'select pg_sleep(4)%'");
    await expect.poll(running).toHaveLength(1);
    controller.abort(reason);
    await expect(scan).rejects.toBe(reason);
    const active = () =>
      query(
        url,
        "select 1 from pg_stat_activity where query like 'select pg_sleep(4)%' and state = 'active'",
      );
    await expect.poll(active).toHaveLength(0);
  });

  test("a statement that is wrong fails alone, and is left to the engine", async () => {
    const { reads, parts } = await newParts(false);
    await expect.poll(() => reads.ask([ask(parts[0], "select 1 from heads")])).toEqual([[]]);
    expect(await reads.ask([ask(parts[0], "select nothing from heads")])).toBeUndefined();
  });
});

test("a change is seen by the next read of its part, 200 times", async () => {
  const { database, missed } = await newPartedDatabase();
  const store = createPostgresEventStore({ database, now: () => Date.now() * 1_000 });
  onTestFinished(() => store.close());
  for (let count = 1; count <= 200; count += 1) {
    const stream = `s-${count % 8}`;
    const { version } = await store.change(stream, "o", () => ({
      events: [{ type: "changed", data: {}, creator: "c" }],
      state: { count },
    }));
    const head = await store.load<{ count: number }>(stream, "o");
    expect([head?.version, head?.state.count]).toEqual([version, count]);
  }
  expect(missed()).toBe(0);
});

test("a name leads to a stream only if its head has it, because the two may stand at two servers", async () => {
  const { database, url } = await newPartedDatabase();
  const uniqueKeysOf = (state: unknown) => [(state as { name: string }).name];
  const store = createPostgresEventStore({
    database: { ...database, uniqueKeysOf },
    now: () => Date.now() * 1_000,
  });
  onTestFinished(() => store.close());
  await store.change("s", "o", () => ({
    events: [{ type: "added", data: {}, creator: "c" }],
    state: { name: "new" },
    uniqueKeys: ["new"],
  }));
  await query(url, "insert into claims (name, stream) values ('old', 's')");
  expect(await store.locate("new")).toEqual({ stream: "s", organization: "o" });
  expect(await store.locate("old")).toBeUndefined();
});
