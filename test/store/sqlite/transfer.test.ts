import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
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

test("a conflict among new streams leaves no gap in the log, and no claim of a stream that is not stored", async () => {
  const file = join(folder, `${randomUUID()}.db`);
  const transfer = createSqliteTransfer({ database: openSqlite(file, saidLast), now });
  const streamOf = (stream: string, uniqueKeys = [stream]) => ({
    ...{ stream, organization: "org" },
    decisions: streams
      .slice(0, 1)
      .flatMap(({ decisions }) => decisions.map((decision) => ({ ...decision, uniqueKeys }))),
  });
  const named = (letter: string) =>
    Array.from({ length: 70 }, (_, index) => `${letter}${index}`).map((stream) => streamOf(stream));
  transfer.prepare(named("a"));
  transfer.prepare([...named("b"), streamOf("a7", ["free"]), streamOf("x", ["own", "a8"])]);
  transfer.prepare([...named("c"), streamOf("b7", ["other"])]);
  const outcomes = await transfer.write(progress);
  expect(outcomes.filter((outcome) => outcome === "stored")).toHaveLength(210);
  await transfer.close();
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = db
    .prepare(
      `select h.stream, h.position, e.stream as logged, (
         select group_concat(name) from claims c where c.stream = h.stream) as names
       from heads h left join events e using (position) order by position`,
    )
    .all();
  const wanted = ["a", "b", "c"].flatMap(named).map(({ stream }, index) => ({
    ...{ stream, position: index + 1, logged: stream, names: stream },
  }));
  expect(rows.map((row) => ({ ...row }))).toEqual(wanted);
  const [claims, events] = ["claims", "events"].map((table) =>
    db.prepare(`select count(*) as count from ${table}`).get(),
  );
  expect([claims?.count, events?.count]).toEqual([210, 210]);
  db.close();
});
