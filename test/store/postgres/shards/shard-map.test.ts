import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { openPostgres } from "../../../../src/store/postgres/database.ts";
import { hashText } from "../../../../src/store/postgres/shards/hash-text.ts";
import { createShardMap } from "../../../../src/store/postgres/shards/shard-map.ts";
import type { Row } from "../../../../src/store/sql/rows.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";

const quarter = 2 ** 30;
/** Four shards of equal size, on two nodes by turns. */
const catalogue = [1, 2, 1, 2].map((nodeid, index) => ({
  shardid: String(100 + index),
  least: (index - 2) * quarter,
  nodeid,
}));

/** A server with this catalogue. */
function engine(shards: readonly Row[], hash = hashText) {
  let current = shards;
  const names: Row[] = [
    { table: "claims", least: -(2 ** 31), nodeid: 1 },
    { table: "claims", least: 0, nodeid: 2 },
  ];
  const read = async ({
    text,
    values,
  }: {
    text: string;
    values?: unknown[] | undefined;
  }): Promise<Row[]> => {
    if (text.includes("to_regclass")) return [{ found: 1 }];
    if (text.includes("'claims'")) return names;
    if (text.includes("hashtext")) {
      return (values as [string[]])[0].map((each) => ({ hash: hash(each) }));
    }
    if (current.length === 0) throw new Error("a node is gone");
    return [...current];
  };
  const move = (next: readonly Row[]) => {
    current = next;
  };
  return { read, move };
}

const streams = Array.from({ length: 200 }, (_, index) => `stream-${index}`);

describe("the map of shards", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("finds the shard of each stream by its hash", async () => {
    const map = await createShardMap(engine(catalogue).read);
    onTestFinished(map.close);
    for (const stream of streams) {
      const index = Math.floor(hashText(stream) / quarter) + 2;
      expect(map.placeOf(stream)?.group).toBe(String(100 + index));
    }
  });

  test("gives the connections of a node to two of its shards", async () => {
    const shards = Array.from({ length: 6 }, (_, index) => ({
      shardid: String(index),
      least: Math.floor(-(2 ** 31) + (index * 2 ** 32) / 6),
      nodeid: index % 2,
    }));
    const map = await createShardMap(engine(shards).read);
    onTestFinished(map.close);
    const lanes = new Map(streams.map((each) => map.placeOf(each)).map((p) => [p?.group, p?.lane]));
    expect([...lanes.entries()].sort()).toEqual([
      ["0", "0.0"],
      ["1", "1.0"],
      ["2", "0.0"],
      ["3", "1.0"],
      ["4", "0.1"],
      ["5", "1.1"],
    ]);
  });

  test("is read anew after a while, and keeps the old one if it cannot be read", async () => {
    const { read, move } = engine(catalogue);
    const map = await createShardMap(read);
    onTestFinished(map.close);
    const before = map.placeOf("a");
    move([]);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(map.placeOf("a")).toEqual(before);
    move(catalogue.map((shard) => ({ ...shard, nodeid: 7 })));
    await vi.advanceTimersByTimeAsync(31_000);
    expect(map.placeOf("a")?.lane).toMatch(/^7\./);
  });

  test("is read anew when somebody asks, at most once a second", async () => {
    const { read, move } = engine(catalogue);
    let reads = 0;
    const map = await createShardMap((statement) => {
      if (statement.text.includes("'heads'::regclass")) reads += 1;
      return read(statement);
    });
    onTestFinished(map.close);
    move(catalogue.map((shard) => ({ ...shard, nodeid: 7 })));
    await vi.advanceTimersByTimeAsync(1_500);
    const before = reads;
    for (const _ of Array(10)) map.renew();
    await vi.advanceTimersByTimeAsync(1);
    expect(reads).toBe(before + 1);
    expect(map.placeOf("a")?.lane).toMatch(/^7\./);
  });

  test("finds the node of each name by its hash, where names are distributed", async () => {
    const map = await createShardMap(engine(catalogue).read);
    onTestFinished(map.close);
    for (const name of streams) {
      expect(map.nodeOfName("claims", name)).toBe(hashText(name) < 0 ? "1" : "2");
      expect(map.nodeOfName("receipts", name)).toBeUndefined();
    }
  });

  test("tells what the servers call their parts, if all of them are known", async () => {
    const names = { heads: "h", search_keys: "k", head_counts: "c", attributes: "a" };
    const named = catalogue.map((row) => ({ ...row, nodename: "::1", nodeport: 5_432, names }));
    const map = await createShardMap(engine(named).read);
    onTestFinished(map.close);
    expect(map.parts()).toHaveLength(4);
    const part = { shard: map.placeOf("a")?.group, node: map.placeOf("a")?.node };
    expect(map.partOf("a")).toEqual({ ...part, server: "[::1]:5432", names });
    const { heads, ...others } = names;
    const [first, ...rest] = named;
    const lacking = await createShardMap(engine([{ ...first, names: others }, ...rest]).read);
    onTestFinished(lacking.close);
    expect(lacking.parts()).toBeUndefined();
  });

  test("tells which nodes have shards, each time it was read", async () => {
    const { read, move } = engine(catalogue);
    const map = await createShardMap(read);
    onTestFinished(map.close);
    const told: string[][] = [];
    map.whenRenewed((nodes) => told.push([...nodes].sort()));
    move(catalogue.map((shard) => ({ ...shard, nodeid: 7 })));
    await vi.advanceTimersByTimeAsync(31_000);
    expect(told).toEqual([["1", "2", "7"]]);
  });

  test("is not used if the server hashes in another way", async () => {
    const map = await createShardMap(engine(catalogue, (text) => hashText(text) + 1).read);
    expect(map.placeOf("a")).toBeUndefined();
  });
});

test("PostgreSQL itself has one place for all", async () => {
  const database = await openPostgres(await newPostgresDatabase());
  database.acquire();
  onTestFinished(() => database.release());
  // Citus, where the tests may run, has several.
  const groups = new Set(streams.map((stream) => database.shards.placeOf(stream)?.group));
  expect([1, 4]).toContain(groups.size);
});
