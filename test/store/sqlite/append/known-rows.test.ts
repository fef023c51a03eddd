import { beforeEach, describe, expect, test } from "vitest";
import type { AppendRow } from "../../../../src/store/change/append-row.ts";
import { createBatchWriter } from "../../../../src/store/sqlite/append/append-batch.ts";
import { openSqlite } from "../../../../src/store/sqlite/database.ts";

const rowOf = (version: number, more: Partial<AppendRow>): AppendRow => ({
  stream: "a",
  organization: "org-1",
  version,
  change: `change-${version}`,
  after: undefined,
  events: ["counted", "{}", "me"],
  createdAt: 1,
  changedAt: version,
  state: String(version),
  uniqueKeys: undefined,
  keys: [],
  status: "active",
  ...more,
});

describe("a change that brings the row of the head it was decided on", () => {
  let db: ReturnType<ReturnType<typeof openSqlite>["acquire"]>;
  let write: ReturnType<typeof createBatchWriter>;
  const heads = () => db.prepare("select stream, version, state from heads order by stream").all();
  const links = () => db.prepare("select stream, version, previous from events").all();

  beforeEach(() => {
    db = openSqlite(":memory:").acquire();
    write = createBatchWriter(db);
    expect(write([rowOf(1, { statusBefore: null })])).toEqual(["appended"]);
    const other = { stream: "b", change: "other", statusBefore: null };
    expect(write([rowOf(1, other)])).toEqual(["appended"]);
  });

  const knownOf = (stream: string) => {
    const found = db.prepare("select rowid, position from heads where stream = ?").get(stream);
    return [Number(found?.rowid), Number(found?.position)] as const;
  };

  test.for<{ name: string; row: () => AppendRow["row"] }>([
    { name: "is written there", row: () => knownOf("a") },
    { name: "is written where the head is, if there is none", row: () => [999, 7] },
    { name: "is written where the head is, if another is there", row: () => knownOf("b") },
  ])("$name", ({ row }) => {
    const known = row();
    const next = rowOf(2, { after: "change-1", ...(known && { row: known }) });
    expect(write([next])).toEqual(["appended"]);
    expect(heads()).toMatchObject([
      { stream: "a", version: 2, state: "2" },
      { stream: "b", version: 1, state: "1" },
    ]);
    expect(links()).toMatchObject([
      { stream: "a", version: 1, previous: null },
      { stream: "b", version: 1, previous: null },
      { stream: "a", version: 2, previous: 1 },
    ]);
  });

  test("writes nothing if the head was changed meanwhile, and leaves no gap", () => {
    const row = knownOf("a");
    const [won, lost] = ["won", "lost"].map((change) =>
      rowOf(2, { change, state: change, after: "change-1", row }),
    ) as [AppendRow, AppendRow];
    const behind = rowOf(3, { change: "behind", after: "won" });
    expect(write([won, lost, behind])).toEqual(["appended", "conflict", "appended"]);
    expect(heads()).toMatchObject([{ stream: "a", version: 3 }, { stream: "b" }]);
    expect(links()).toMatchObject([
      { previous: null },
      { previous: null },
      { version: 2, previous: 1 },
      { version: 3, previous: 3 },
    ]);
  });

  test("writes its unique keys and its status", () => {
    const more = { uniqueKeys: ["name"], status: "locked", statusBefore: "active" };
    const next = rowOf(2, { after: "change-1", row: knownOf("a"), ...more });
    expect(write([next])).toEqual(["appended"]);
    expect(db.prepare("select name, stream from claims").all()).toMatchObject([
      { name: "name", stream: "a" },
    ]);
    expect(db.prepare("select status from heads where stream = 'a'").get()).toMatchObject({
      status: "locked",
    });
  });
});

test("as many events as any statement for several rows has are written in order", () => {
  const db = openSqlite(":memory:").acquire();
  const write = createBatchWriter(db);
  const counts = [1, 7, 8, 9, 31, 32, 33, 40, 73];
  for (const count of counts) {
    const rows = Array.from({ length: count }, (_, index) =>
      rowOf(1, {
        stream: `${count}-${String(index).padStart(2, "0")}`,
        change: `${count}-${index}`,
        statusBefore: null,
      }),
    );
    expect(new Set(write(rows))).toEqual(new Set(["appended"]));
  }
  const stored = db.prepare("select position, stream, change from events order by position").all();
  const expected = counts.flatMap((count) =>
    Array.from({ length: count }, (_, index) => `${count}-${index}`),
  );
  expect(stored.map(({ change }) => change)).toEqual(expected);
  expect(stored.map(({ position }) => position)).toEqual(expected.map((_, index) => index + 1));
});
