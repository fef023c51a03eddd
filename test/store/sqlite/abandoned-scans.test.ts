import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import type { KeyComparison } from "../../../src/store/search/comparison-sql.ts";
import type { Dialect } from "../../../src/store/search/condition-sql.ts";
import {
  countStatement,
  pageStatement,
  type SearchStatement,
  streamsStatement,
} from "../../../src/store/search/search-sql.ts";
import type { Query } from "../../../src/store/search.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { dialect } from "../../../src/store/sqlite/search.ts";
import { createReaderThread } from "../../../src/store/sqlite/thread/reader-thread.ts";
import { migrate } from "../../../src/store/sqlite/upgrade/migrate.ts";

const rows = 500;

/** A database with so many streams, each with the keys `a` and `b`. */
function filled(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  migrate(
    db,
    () => undefined,
    () => undefined,
  );
  db.exec(`insert into search_spaces (id, organization, name)
    values (1, 'org', 'a'), (2, 'org', 'b')`);
  db.exec(`with recursive n (i) as (select 1 union all select i + 1 from n where i < ${rows})
    insert into search_keys (space, folded, stream)
    select column1, column2 || i, 's' || i from n, (values (1, 'a'), (2, 'b'))`);
  db.exec(`insert into heads (stream, organization, version, change, created_at, changed_at, state, status)
    select stream, 'org', 1, 'c', 1, 1, '{}', 'active' from search_keys where space = 1`);
  return db;
}

const has = (key: string, method: (KeyComparison & { kind: "text" })["method"]): KeyComparison => ({
  ...{ kind: "text", key, method, text: "nowhere", ignoreCase: true },
});
const page = (query: Query) => (each: Dialect) =>
  pageStatement(each, "org", { query, sortBy: "a", ascending: true, offset: 0, limit: 10 });

describe("a scan asks for every row whether somebody waits for it", () => {
  test.for<{ name: string; statement: (dialect: Dialect) => SearchStatement; asked: number }>([
    {
      name: "contains",
      statement: (each) => streamsStatement(each, "org", has("a", "contains"), 10),
      asked: rows,
    },
    {
      name: "how many end so",
      statement: (each) => countStatement(each, "org", has("a", "ends-with")),
      asked: rows,
    },
    { name: "a page whose own key contains", statement: page(has("a", "contains")), asked: rows },
    {
      name: "a page whose other key contains",
      statement: page(has("b", "contains")),
      asked: 2 * rows,
    },
    {
      name: "a page of what does not contain",
      statement: page({ kind: "not", query: { kind: "not", query: has("a", "contains") } }),
      asked: rows,
    },
    {
      name: "how many do not contain",
      statement: (each) =>
        countStatement(each, "org", { kind: "not", query: has("state", "contains") }),
      asked: rows,
    },
  ])("$name", ({ statement, asked }) => {
    const db = filled();
    onTestFinished(() => db.close());
    let times = 0;
    db.function("asked", { deterministic: false }, () => {
      times += 1;
      return 1;
    });
    const { text, values } = statement({ ...dialect, isAwaited: "(random() <> 0 and asked())" });
    db.prepare(text).all(...(values as SQLInputValue[]));
    expect(times).toBe(asked);
  });
});

test("a scan whose caller leaves ends, and the next one runs to its end", async () => {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-scans-"));
  const database = openSqlite(join(folder, "giraffe.db"));
  const { file, place } = database;
  database.acquire();
  if (file === undefined) throw new Error("no file");
  const reader = createReaderThread({ file, place });
  onTestFinished(async () => {
    await reader.close();
    database.release();
    rmSync(folder, { recursive: true });
  });
  const counting = (limit: string) => ({
    text: `with recursive n (i) as (select 1 union all select i + 1 from n ${limit})
      select count(*) as count from n where (random() & 1023 <> 0 or is_awaited())`,
    values: [],
  });
  for (let times = 0; times < 3; times += 1) {
    const gone = new AbortController();
    const endless = reader.read(counting(""), gone.signal);
    setTimeout(() => gone.abort(new RangeError("gone")), 20);
    await expect(endless).rejects.toThrow("gone");
    expect(await reader.read(counting("where i < 50000"))).toEqual([{ count: 50_000 }]);
  }
  const gone = AbortSignal.abort(new RangeError("gone"));
  await expect(reader.read(counting(""), gone)).rejects.toThrow("gone");
});
