import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import type { Decide } from "../../../src/store/event-store.ts";
import { connect, openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";
import { count } from "../counting.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const openStore = (file: string) =>
  createSqliteEventStore({ database: openSqlite(file), now: () => 1 });

test("F2: every connection syncs the log at each commit", () => {
  const file = join(folder, "synchronous.db");
  const database = openSqlite(file);
  const other = connect(file, 0);
  const full = 2;
  for (const db of [database.acquire(), other]) {
    expect(db.prepare("pragma synchronous").get()).toEqual({ synchronous: full });
  }
  other.close();
  database.release();
});

describe.runIf(process.platform === "linux")("what the system's cache alone has", () => {
  /** Bytes that files of this process have lost before they were written to the disk. */
  const lostBytes = () =>
    Number(/^cancelled_write_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);

  /** Empties the file: what was not on the disk by then is counted as lost. Source: proc_pid_io(5). */
  function unsyncedBytes(file: string): number {
    const before = lostBytes();
    truncateSync(file);
    return lostBytes() - before;
  }

  test.for([1, 300])(
    "F2: is nothing of %i changes that were acknowledged",
    async (changes, context) => {
      const unsynced = join(folder, `unsynced-${changes}`);
      writeFileSync(unsynced, Buffer.alloc(65_536));
      context.skip(unsyncedBytes(unsynced) !== 65_536, "this file system does not tell");
      const file = join(folder, `synced-${changes}.db`);
      const store = openStore(file);
      await Promise.all(
        Array.from({ length: changes }, (_, index) => store.change(`s${index}`, "org", count)),
      );
      expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
      expect(unsyncedBytes(`${file}-wal`)).toBe(0);
      await store.close();
    },
  );
});

test("F24: a log that grew because of a long read is used again, and nothing is lost", async () => {
  const file = join(folder, "reader.db");
  const store = openStore(file);
  const filler = "x".repeat(64_000);
  const fill: Decide<{ filler: string }> = () => ({
    events: [{ type: "filled", data: { filler }, creator: "me" }],
    state: { filler },
  });
  const write = async (changes: number) => {
    for (const _ of Array(changes)) await store.change("s", "org", fill);
  };
  const logBytes = () => statSync(`${file}-wal`).size;
  await write(40);
  const usual = logBytes();

  const reader = new DatabaseSync(file, { readOnly: true });
  reader.exec("begin");
  const selectCount = reader.prepare("select count(*) as events from events");
  expect(selectCount.get()).toEqual({ events: 40 });
  await write(80);
  const grown = logBytes();
  expect(grown).toBeGreaterThan(2 * usual);
  expect(selectCount.get()).toEqual({ events: 40 });
  reader.close();

  await write(80);
  expect(logBytes()).toBeLessThan(grown + usual);
  await store.close();
  expect(() => logBytes()).toThrow(/ENOENT/);
  const again = openStore(file);
  const events = await again.history("s", "org", { after: 0, limit: 1_000, ascending: true });
  expect(events.map(({ version }) => version)).toEqual(
    Array.from({ length: 200 }, (_, i) => i + 1),
  );
  await again.close();
});
