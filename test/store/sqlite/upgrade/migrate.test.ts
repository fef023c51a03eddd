import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";
import { migrate } from "../../../../src/store/sqlite/upgrade/migrate.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-migrate-"));
afterAll(() => rmSync(folder, { recursive: true }));

const schema = (db: DatabaseSync) => db.prepare("select name, sql from sqlite_schema").all();

describe("migrate", () => {
  test("changes nothing when it runs again", () => {
    const db = new DatabaseSync(":memory:");
    migrate(db, () => undefined);
    const first = schema(db);
    migrate(db, () => undefined);
    expect(schema(db)).toEqual(first);
    expect(first.map(({ name }) => name)).toEqual(expect.arrayContaining(["events", "heads"]));
    db.close();
  });

  test("makes streams that are older than the index searchable", async () => {
    const file = join(folder, "older.db");
    const db = new DatabaseSync(file);
    for (const name of ["001.sql", "002.sql"]) {
      const url = new URL(`../../../../src/store/sqlite/migrations/${name}`, import.meta.url);
      db.exec(readFileSync(url, "utf8"));
    }
    db.exec(`pragma user_version = 2;
      insert into heads values ('1', 'org', 1, 'c', 7, 7, '"Gigi"'), ('2', 'org', 1, 'c', 8, 8, '"Okapi"'),
        ('3', 'other', 1, 'c', 9, 9, '"Gigi"'), ('4', 'org', 1, 'c', 9, 9, 'null');`);
    db.close();
    const database = openSqlite(file, ({ state }: { state: string | null }) =>
      state === null ? undefined : { name: state },
    );
    const store = createSqliteEventStore({ database, now: () => 1 });
    const list = { sortBy: "name", ascending: false, offset: 0, limit: 10 };
    const all = { kind: "and", queries: [] } as const;
    expect(await store.search("org", { ...list, query: all })).toMatchObject({
      total: 2,
      results: [{ stream: "2" }, { stream: "1", head: { version: 1, state: "Gigi" } }],
    });
    await store.change("1", "org", () => ({
      events: [{ type: "renamed", data: {}, creator: "me" }],
      state: "Zebra",
    }));
    const { results } = await store.search("org", { ...list, query: all });
    expect(results.map(({ stream }) => stream)).toEqual(["1", "2"]);
    await store.close();
  });

  test("keeps receipts that were sorted by their names as texts", async () => {
    const file = join(folder, "receipts.db");
    copyFileSync(new URL("../../fixtures/sqlite-12.db", import.meta.url), file);
    const now = Date.now() * 1_000;
    const user = "163840776835432705";
    const receipts = [
      { owner: "me", name: "a", stream: user, content: "first" },
      { owner: "me", name: "b", stream: "", content: "of none" },
      { owner: "m", name: "ea", stream: "another", content: "of another" },
      { owner: "", name: "mea", stream: user, content: "last" },
    ];
    const db = new DatabaseSync(file);
    const insert = db.prepare("insert into receipts values (?, ?, ?, ?, ?)");
    for (const { owner, name, stream, content } of receipts) {
      insert.run(owner, name, stream, now, Buffer.from(content));
    }
    insert.run("me", "old", user, now - 2 * 24 * 60 * 60 * 1_000_000, Buffer.from("old"));
    db.close();

    const store = createSqliteEventStore({ database: openSqlite(file), now: () => now });
    const find = async (receipt: { owner: string; name: string }) => {
      const content = await store.receipts.find(receipt);
      return content && Buffer.from(content).toString();
    };
    for (const { content, ...name } of receipts) {
      expect(await store.receipts.keep({ ...name, content: new Uint8Array() }, "")).toBe(false);
      expect(await find(name)).toBe(content);
    }
    expect(await find({ owner: "me", name: "old" })).toBeUndefined();
    expect(await find({ owner: "me", name: "c" })).toBeUndefined();
    await store.change(user, "69629023906488334", () => ({
      events: [{ type: "erased", data: {}, creator: "me" }],
      ...{ state: "", erases: true },
    }));
    const left = await Promise.all(receipts.map(find));
    expect(left).toEqual([undefined, "of none", "of another", undefined]);
    await store.close();
  });

  test("refuses a database that is newer than the program, and leaves it alone", () => {
    const file = join(folder, "newer.db");
    const db = new DatabaseSync(file);
    db.exec("pragma user_version = 99");
    expect(() => openSqlite(file)).toThrow(
      /schema version 99, .* knows only up to \d+: run the newer/,
    );
    expect(schema(db)).toEqual([]);
    db.close();
  });

  test("succeeds in processes that start at once", async () => {
    const door = new URL("../../../../src/store/sqlite/database.ts", import.meta.url);
    const program = `const { openSqlite } = await import(${JSON.stringify(door.href)});
      const database = openSqlite(process.argv[1]); database.acquire(); database.release();`;
    for (const round of [1, 2, 3]) {
      const file = join(folder, `${round}`, "shared.db");
      const starts = Array.from({ length: 3 }, () =>
        promisify(execFile)(process.execPath, ["--input-type=module", "-e", program, file]),
      );
      expect((await Promise.all(starts)).map(({ stderr }) => stderr)).toEqual(["", "", ""]);
      const db = new DatabaseSync(file);
      expect(schema(db).map(({ name }) => name)).toContain("memberships_key");
      db.close();
    }
  });
});
