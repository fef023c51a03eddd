import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";
import { restMs } from "../../../src/store/sqlite/thread/give-way.ts";
import { createSqliteTransfer } from "../../../src/store/sqlite/transfer.ts";
import type { Progress } from "../../../src/store/transfer.ts";
import { describeTransfer, saidLast, whoSaid, writeWith } from "../transfer.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-transfer-"));
afterAll(() => rmSync(folder, { recursive: true }));

const now = () => Date.now() * 1000;

describeTransfer("SQLite", async (keysOf) => {
  const options = { database: openSqlite(join(folder, "giraffe.db"), keysOf), now };
  return { transfer: createSqliteTransfer(options), store: createSqliteEventStore(options) };
});

const streams = ["one", "two"].map((stream) => ({
  stream,
  organization: "org",
  decisions: [{ events: [{ type: "said", data: {}, creator: "me" }], state: "Hello" }],
}));
const progress = {
  kind: "next",
  tried: [1, 2],
  rejected: [],
  known: undefined,
  isAnew: false,
  progress: { source: "s", lines: 2, digest: "d" },
} as const;

test("searches find what an interrupted transfer has written after the next start", async () => {
  const file = join(folder, `${randomUUID()}.db`);
  const transfer = createSqliteTransfer({ database: openSqlite(file, saidLast), now });
  await writeWith(transfer, streams, progress);
  await transfer.close();
  const store = createSqliteEventStore({ database: openSqlite(file, saidLast), now });
  expect(await whoSaid(store, "org", "Hello")).toEqual(["one", "two"]);
  await store.close();
});

test("C11: a transfer pauses before each batch once another process has written", async () => {
  const file = join(folder, `${randomUUID()}.db`);
  const transfer = createSqliteTransfer({ database: openSqlite(file, saidLast), now });
  const store = createSqliteEventStore({ database: openSqlite(file, saidLast), now });
  await writeWith(transfer, streams, progress);
  const sizeAlone = transfer.batchSize();
  await store.change<string>("one", "org", () => ({
    events: [{ type: "said", data: {}, creator: "me" }],
    state: "Bye",
  }));
  const tookMs: number[] = [];
  let known: Progress = progress.progress;
  for (let lines = 3; lines < 13; lines += 1) {
    const next = { ...known, lines };
    const before = performance.now();
    await writeWith(transfer, [], { ...progress, progress: next, known });
    tookMs.push(performance.now() - before);
    known = next;
  }
  // Node's timers may be early by less than a millisecond.
  expect(Math.min(...tookMs)).toBeGreaterThan(restMs - 1);
  expect(transfer.batchSize()).toBeLessThan(sizeAlone);
  await transfer.close();
  await store.close();
});

test("a change of a stream from an incomplete transfer removes the stream's old keys", async () => {
  const file = join(folder, `${randomUUID()}.db`);
  const store = createSqliteEventStore({ database: openSqlite(file, saidLast), now });
  const transfer = createSqliteTransfer({ database: openSqlite(file, saidLast), now });
  await writeWith(transfer, streams, progress);
  await store.change<string>("one", "org", () => ({
    events: [{ type: "said", data: {}, creator: "me" }],
    state: "Bye",
  }));
  expect(await whoSaid(store, "org", "Hello")).toEqual(["two"]);
  expect(await whoSaid(store, "org", "Bye")).toEqual(["one"]);
  await transfer.complete();
  expect(await whoSaid(store, "org", "Hello")).toEqual(["two"]);
  await transfer.close();
  await store.close();
});
