import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { EventStore } from "../../../../src/store/event-store.ts";
import { ReceiptTakenError } from "../../../../src/store/receipts.ts";
import { usualBounds } from "../../../../src/store/sqlite/append/waiting-names.ts";
import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";
import { takeSnapshot } from "../../../../src/store/sqlite/snapshot.ts";
import { startProgram } from "../../../support/child.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-receipts-"));
afterAll(() => rmSync(folder, { recursive: true }));

const newStore = (database: ReturnType<typeof openSqlite>) =>
  createSqliteEventStore({ database, now: () => Date.now() * 1_000 });
const storeOf = (name: string) => {
  const file = join(folder, name);
  return { file, open: () => newStore(openSqlite(file)) };
};

const write = (store: EventStore, name: string) =>
  store.change(`stream of ${name}`, "org", () => ({
    events: [{ type: "written", data: {}, creator: "me" }],
    state: "",
    receipt: { owner: "me", name, contentOf: () => name },
  }));
const erase = (store: EventStore, name: string) =>
  store.change(`stream of ${name}`, "org", () => ({
    ...{ events: [{ type: "erased", data: {}, creator: "me" }], state: "", erases: true },
  }));
const find = async (store: EventStore, name: string) => {
  const content = await store.receipts.find({ owner: "me", name });
  return content && Buffer.from(content).toString();
};
const names = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, place) => `n${from + place}`);

/** No more at once than may wait. */
async function writeAll(store: EventStore, all: readonly string[]): Promise<void> {
  for (let from = 0; from < all.length; from += 4_000) {
    await Promise.all(all.slice(from, from + 4_000).map((name) => write(store, name)));
  }
}

async function expectKept(store: EventStore, all: readonly string[]): Promise<void> {
  for (let from = 0; from < all.length; from += 4_000) {
    await expectTaken(store, all.slice(from, from + 4_000));
  }
}

async function expectTaken(store: EventStore, kept: readonly string[]): Promise<void> {
  expect(await Promise.all(kept.map((name) => find(store, name)))).toEqual(kept);
  const repeats = await Promise.allSettled(kept.map((name) => write(store, name)));
  const errors = repeats.map((repeat) => ("reason" in repeat ? repeat.reason : undefined));
  for (const error of errors) expect(error).toBeInstanceOf(ReceiptTakenError);
}

/** How many receipts there are, how many names stand sorted, and up to which position all do. */
function countsIn(file: string): { receipts: number; sorted: number; position: number } {
  const db = new DatabaseSync(file, { readOnly: true });
  const counts = db
    .prepare(
      `select (select count(*) from receipts) as receipts, (select count(*) from receipt_names) as sorted, position
       from receipt_sorting`,
    )
    .get();
  db.close();
  return counts as ReturnType<typeof countsIn>;
}

describe("a SQLite event store whose names of receipts wait", () => {
  test("sorts none until they are many, and finds each one before and after, also after a start", async () => {
    const { file, open } = storeOf("many.db");
    let store = open();
    const { maxWaiting, sortedTogether } = usualBounds;
    await writeAll(store, names(0, maxWaiting));
    expect(countsIn(file)).toEqual({ receipts: maxWaiting, sorted: 0, position: 0 });
    await expectKept(store, names(0, 50));
    await write(store, "one more");
    expect(countsIn(file)).toMatchObject({ sorted: sortedTogether, position: 0 });
    await store.close();

    store = open();
    await expectKept(store, names(0, maxWaiting));
    await writeAll(store, names(maxWaiting, 4 * maxWaiting));
    const { receipts, sorted, position } = countsIn(file);
    expect(receipts).toBe(4 * maxWaiting + 1);
    expect(receipts - sorted).toBeLessThanOrEqual(maxWaiting);
    // What is read after a start.
    expect(receipts - position).toBeLessThanOrEqual(2 * (maxWaiting + 4_000));
    await store.close();

    store = open();
    await expectKept(store, names(0, 4 * maxWaiting));
    await store.close();
  });

  test("forgets a name when its stream is erased, where it waits and where it is sorted", async () => {
    const { file, open } = storeOf("erased.db");
    const [store, other] = [open(), open()];
    const all = names(0, usualBounds.maxWaiting + 500);
    await writeAll(store, all);
    expect(countsIn(file).sorted).toBeGreaterThan(0);
    for (const [place, name] of all.slice(0, 60).entries()) {
      await erase(place % 2 === 0 ? store : other, name);
    }
    const isLeft = await Promise.all(all.slice(0, 60).map((name) => find(store, name)));
    expect(isLeft).toEqual(Array(60).fill(undefined));
    for (const name of all.slice(0, 60)) await write(store, name);
    await expectKept(store, all);
    await Promise.all([store.close(), other.close()]);
  });

  test("knows the names that a database in memory had when it is put back, and no other", async () => {
    const database = openSqlite(":memory:");
    const store = newStore(database);
    await write(store, "before");
    const putBack = takeSnapshot(database.acquire());
    for (const round of [1, 2, 3]) {
      await writeAll(store, names(0, round * usualBounds.maxWaiting));
      await expectKept(store, ["before", "n7"]);
      putBack();
      expect(await find(store, "n7")).toBeUndefined();
      await expectKept(store, ["before"]);
      await write(store, "n7");
      putBack();
    }
    database.release();
    await store.close();
  });

  test("has each change with its receipt when it is killed", async () => {
    const { file, open } = storeOf("killed.db");
    open().close();
    const program = fileURLToPath(new URL("receipt-storer.ts", import.meta.url));
    let first = 0;
    for (const kills of [0, 1, 2]) {
      const child = startProgram(process.execPath, [program, file, `${first}`]);
      await child.until("stdout", new RegExp(`^n${first + (kills + 1) * 2_500}$`, "m"));
      child.kill("SIGKILL");
      const { stdout } = await child.ended;
      const stored = stdout.split("\n").filter((line) => /^n\d+$/.test(line));
      const store = open();
      await expectKept(store, stored);
      await store.close();
      const db = new DatabaseSync(file, { readOnly: true });
      const counts = db
        .prepare(
          "select (select count(*) from receipts) as receipts, (select count(*) from heads) as heads, (select sum(version) from heads) as changes",
        )
        .get();
      db.close();
      expect(counts?.receipts).toBe(counts?.heads);
      expect(counts?.changes).toBe(counts?.heads);
      first += 1_000_000;
    }
  });
});
