import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { migrate } from "../../src/store/sqlite/migrate.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-migrate-"));
afterAll(() => rmSync(folder, { recursive: true }));

const schema = (db: DatabaseSync) => db.prepare("select name, sql from sqlite_schema").all();

describe("migrate", () => {
  test("does no harm when it runs again", () => {
    const db = new DatabaseSync(":memory:");
    migrate(db, () => undefined);
    const first = schema(db);
    migrate(db, () => undefined);
    expect(schema(db)).toEqual(first);
    expect(first.map(({ name }) => name)).toEqual(expect.arrayContaining(["events", "heads"]));
    db.close();
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
    const door = new URL("../../src/store/sqlite/database.ts", import.meta.url);
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
  }, 60_000);
});
