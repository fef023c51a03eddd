import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventStore } from "../../../../src/store/event-store.ts";
import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";
import { createSqliteTransfer } from "../../../../src/store/sqlite/transfer.ts";
import { count } from "../../counting.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-event-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const now = () => Date.now() * 1_000;
const open = (name: string) => {
  const database = openSqlite(join(folder, name));
  return { database, store: createSqliteEventStore({ database, now }) };
};

describe("a long history", () => {
  let store: EventStore;
  /** Versions of a stream, whose first ones were imported and have gaps. */
  const imported = [1, 2, 63, 64, 65, 130, 200, 511, 512, 513, 514];
  const versions = [...imported, ...Array.from({ length: 300 }, (_, index) => 515 + index)];

  beforeAll(async () => {
    const opened = open("long.db");
    ({ store } = opened);
    const transfer = createSqliteTransfer({ database: opened.database, now });
    const event = { type: "counted", data: {}, creator: "me" };
    const moments = imported.map((version) => ({ version, at: version }));
    const past = { moments, head: { version: 514, createdAt: 1, changedAt: 514 } };
    const decisions = [{ events: imported.map(() => event), state: 514 }];
    const lines = {
      kind: "next",
      ...{ tried: [1], rejected: [], known: undefined, isAnew: true },
      progress: { source: "a", lines: 1, digest: "d" },
    } as const;
    transfer.prepare([{ stream: "s", organization: "org", decisions, past }]);
    await transfer.write(lines);
    await transfer.close();
    await Promise.all(Array.from({ length: 300 }, () => store.change("s", "org", count)));
  });
  afterAll(() => store.close());

  test.for([1, 7, 64, 100, 500])("is read whole in pages of %i, in both orders", async (limit) => {
    for (const ascending of [true, false]) {
      const read: number[] = [];
      for (let page = 1, last = 0; page > 0; last = read.at(-1) ?? 0) {
        const range = ascending
          ? { after: last, limit, ascending }
          : { after: 0, ...(last > 0 && { before: last }), limit, ascending };
        const events = await store.history("s", "org", range);
        page = events.length;
        read.push(...events.map(({ version }) => version));
      }
      expect(read).toEqual(ascending ? versions : versions.toReversed());
    }
  });

  test("is read between any two versions", async () => {
    const edges = [0, 1, 62, 63, 64, 65, 66, 129, 131, 511, 514, 515, 575, 576, 577, 800, 900];
    for (const after of edges) {
      for (const before of edges) {
        const want = versions.filter((version) => version > after && version < before);
        for (const ascending of [true, false]) {
          const range = { after, before, limit: 1_000, ascending };
          const found = (await store.outlineHistory("s", "org", range)).map((each) => each.version);
          expect(found).toEqual(ascending ? want : want.toReversed());
        }
      }
    }
  });
});

test("a position is never used again, also when the last events are deleted", async () => {
  const first = open("again.db");
  for (const stream of ["a", "b", "c"]) await first.store.change(stream, "org", count);
  await first.store.close();
  const file = join(folder, "again.db");
  const db = new DatabaseSync(file);
  db.exec("delete from events where position > 1; vacuum;");
  db.close();
  const { store } = open("again.db");
  await store.change("d", "org", count);
  await store.close();
  const after = new DatabaseSync(file, { readOnly: true });
  expect(after.prepare("select position, stream from events order by position").all()).toEqual([
    { position: 1, stream: "a" },
    { position: 4, stream: "d" },
  ]);
  after.close();
});

test("a change that is refused leaves no event between those of others", async () => {
  const { store } = open("joint.db");
  const change = (uniqueKeys: string[]) => () => ({
    ...{ events: [{ type: "t", data: {}, creator: "me" }], state: 0, uniqueKeys },
  });
  await store.change("a", "org", change(["name"]));
  const results = await Promise.allSettled([
    store.change("b", "org", change(["b"])),
    store.change("c", "org", change(["name"])),
    store.changeAll(
      ["d", "e"].map((stream) => ({ stream, organization: "org" })),
      () => ({ decisions: [change(["d"])(), change(["name"])()] }),
    ),
    store.change("f", "org", change(["f"])),
  ]);
  expect(results.map(({ status }) => status)).toEqual([
    ...["fulfilled", "rejected", "rejected", "fulfilled"],
  ]);
  for (const stream of ["b", "f"]) await store.change(stream, "org", change([stream]));
  await store.close();
  const db = new DatabaseSync(join(folder, "joint.db"), { readOnly: true });
  const rows = db.prepare("select position, previous, stream from events order by position").all();
  expect(rows.map(({ stream }) => stream).sort()).toEqual(["a", "b", "b", "f", "f"]);
  for (const { stream } of rows.slice(-2)) {
    const [first, second] = rows.filter((row) => row.stream === stream);
    expect(second?.previous).toBe(first?.position);
  }
  const heads = db.prepare(
    "select h.stream from heads h join events e using (position) where e.stream <> h.stream",
  );
  expect(heads.all()).toEqual([]);
  db.close();
});
