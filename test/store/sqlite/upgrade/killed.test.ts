import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import type { KeysOf } from "../../../../src/store/event-store.ts";
import type { Query } from "../../../../src/store/search.ts";
import { migrations } from "../../../../src/store/sql/migrations.ts";
import { openSqlite } from "../../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../../src/store/sqlite/event-store.ts";
import { startProgram } from "../../../support/child.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-killed-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The last version whose events had no order. */
const unordered = 10;
const streams = 4_000;
const perStream = 5;

/** A database of that version with many streams; every event names its stream and version. */
function makeUnordered(file: string): void {
  copyFileSync(fileURLToPath(new URL("../../fixtures/sqlite-10.db", import.meta.url)), file);
  const db = new DatabaseSync(file);
  db.exec(`
    with recursive n (n) as (select 0 union all select n + 1 from n where n < ${streams * perStream - 1})
    insert into events (stream, version, change, type, data, creator, at)
    select 's' || (n % ${streams}), 1 + n / ${streams}, 'c', 't', json_object('n', n), 'me', n from n;
    insert into heads (stream, organization, version, change, created_at, changed_at, state)
    select stream, 'org', max(version), 'c', 0, 0, '{}' from events where creator = 'me' group by stream;`);
  db.close();
}

/** The last version that had rows in the index for what heads say by themselves. */
const withAllKeys = 11;
const keyed = 20_000;
const keyedStates = { locked: 2_000, active: 18_000 };

/** A database of that version: one stream in ten is locked, and one in a hundred has keys that are not sorted yet. */
function makeWithAllKeys(file: string): void {
  copyFileSync(fileURLToPath(new URL("../../fixtures/sqlite-11.db", import.meta.url)), file);
  const db = new DatabaseSync(file);
  db.exec(`
    create temporary table made as
    with recursive n (n) as (select 0 union all select n + 1 from n where n < ${keyed - 1})
    select n, 's' || n as stream, json_object('', '', 'createdAt', printf('%016d', n), 'phone', '',
      'name', 'name ' || n, 'state', iif(n % 10 = 0, 'locked', 'active')) as keys from n;
    insert into heads (stream, organization, version, change, created_at, changed_at, state)
    select stream, 'org', 1, 'c', n, n, json_object('keys', json(keys)) from made;
    insert into search_spaces (organization, name) select 'org', key from json_each(
      (select keys from made limit 1));
    insert into search_keys (space, folded, stream)
    select search_spaces.id, value, stream from made, json_each(keys)
      join search_spaces on organization = 'org' and search_spaces.name = key where n % 100 <> 0;
    insert into unsorted_keys (organization, stream, texts)
    select 'org', stream, jsonb(keys) from made where n % 100 = 0;`);
  db.close();
}

/** The last version without keys that few streams have, and how many have one here. */
const withoutSparse = 13;
const sparse = keyed / 4;

/** A database of that version: the program says of every fourth stream that it has such a key. */
function makeWithoutSparse(file: string): void {
  copyFileSync(fileURLToPath(new URL("../../fixtures/sqlite-13.db", import.meta.url)), file);
  const db = new DatabaseSync(file);
  db.exec(`
    with recursive n (n) as (select 0 union all select n + 1 from n where n < ${keyed - 1})
    insert into heads (stream, organization, version, change, created_at, changed_at, state, status)
    select 's' || n, 'org', 1, 'c', n, n, json_object('keys', iif(n % 4 = 0,
      json_object('state', 'active', 'plainEmail', 'plain ' || n), json_object('state', 'active'))),
      'active' from n;
    insert into head_counts (organization, status, total) values ('org', 'active', ${keyed});`);
  db.close();
}

const keysOf: KeysOf<{ readonly keys?: Readonly<Record<string, string>> }> = ({ state }) =>
  state.keys;

/**
 * Start the migration of a file and kill it, after longer and longer.
 *
 * @param check Of a database that is as it was, or done.
 */
async function killAgainAndAgain(
  file: string,
  older: number,
  check: (db: DatabaseSync, isDone: boolean) => void,
): Promise<void> {
  const door = new URL("../../../../src/store/sqlite/database.ts", import.meta.url).href;
  const program = `const { openSqlite } = await import(${JSON.stringify(door)});
    console.log("begins"); openSqlite(process.argv[1], ({ state }) => state.keys).acquire();
    console.log("done"); setInterval(() => {}, 1000);`;
  for (const afterMs of [5, 20, 50, 100, 200]) {
    const child = startProgram(process.execPath, ["--input-type=module", "-e", program, file]);
    await child.until("stdout", /begins/);
    await pause(afterMs);
    child.kill("SIGKILL");
    const { stdout } = await child.ended;
    const db = new DatabaseSync(file);
    const version = Number(db.prepare("pragma user_version").get()?.user_version);
    const isDone = version === migrations.length;
    expect(isDone || version === older).toBe(true);
    if (stdout.includes("done")) expect(isDone).toBe(true);
    check(db, isDone);
    expect(db.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
    db.close();
  }
}

test("C9: a migration that is killed leaves the database as it was, and the next start finishes it", async () => {
  const file = join(folder, "unordered.db");
  makeUnordered(file);
  await killAgainAndAgain(file, unordered, (db) => {
    expect(db.prepare("select count(*) as events from events where creator = 'me'").get()).toEqual({
      events: streams * perStream,
    });
  });
  const store = createSqliteEventStore({ database: openSqlite(file), now: () => 1 });
  for (let stream = 0; stream < streams; stream += 97) {
    const range = { after: 0, limit: 10, ascending: true };
    const events = await store.history(`s${stream}`, "org", range);
    expect(events.map(({ version, data }) => [version, data])).toEqual(
      Array.from({ length: perStream }, (_, place) => [place + 1, { n: stream + place * streams }]),
    );
  }
  await store.close();
});

test("C9, C6: a migration of search keys that is killed loses none, and counts every stream once", async () => {
  const file = join(folder, "all-keys.db");
  makeWithAllKeys(file);
  await killAgainAndAgain(file, withAllKeys, (db, isDone) => {
    const rows = db
      .prepare("select count(*) as rows from search_keys where stream glob 's*'")
      .get();
    expect(Number(rows?.rows)).toBe(keyed * 0.99 * (isDone ? 1 : 5));
    if (!isDone) return;
    const counts = "select sum(total) as total from head_counts where organization = 'org'";
    expect(db.prepare(counts).get()).toEqual({ total: keyed });
  });
  const store = createSqliteEventStore({ database: openSqlite(file, keysOf), now: () => 1 });
  const has = (key: string, method: "equals" | "starts-with", text: string): Query => ({
    ...{ kind: "text", ignoreCase: false },
    ...{ key, method, text },
  });
  const totalOf = async (...queries: Query[]) => {
    const page = { sortBy: "name", ascending: true, offset: 0, limit: 1 };
    return (await store.search("org", { query: { kind: "and", queries }, ...page })).total;
  };
  expect(await totalOf()).toBe(keyed);
  for (const [state, total] of Object.entries(keyedStates)) {
    expect(await totalOf(has("state", "equals", state))).toBe(total);
    expect(await totalOf(has("state", "equals", state), has("name", "starts-with", "name"))).toBe(
      total,
    );
  }
  expect(await totalOf(has("phone", "equals", ""))).toBe(keyed);
  await store.close();
  const db = new DatabaseSync(file);
  const rows = db.prepare("select count(*) as rows from search_keys where stream glob 's*'").get();
  expect(rows).toEqual({ rows: keyed });
  db.close();
});

test("C9: a migration that adds search keys adds all or none when it is killed", async () => {
  const file = join(folder, "sparse.db");
  makeWithoutSparse(file);
  const counted = "select count(*) as rows from search_keys where folded glob 'plain *'";
  await killAgainAndAgain(file, withoutSparse, (db, isDone) => {
    expect(db.prepare(counted).get()).toEqual({ rows: isDone ? sparse : 0 });
  });
  const heard: number[] = [];
  const upgrading = (version: number, heads: number) =>
    void (version === withoutSparse + 1 && heard.push(heads));
  const again = join(folder, "sparse-again.db");
  makeWithoutSparse(again);
  const database = openSqlite(again, keysOf, undefined, upgrading);
  const store = createSqliteEventStore({ database, now: () => 1 });
  const query = { kind: "text", key: "plainEmail", method: "contains", text: "plain" } as const;
  const page = { sortBy: undefined, ascending: true, offset: 0, limit: 1 };
  expect(
    await store.search("org", { query: { ...query, ignoreCase: true }, ...page }),
  ).toMatchObject({ total: sparse });
  expect(heard.length).toBeGreaterThan(5);
  expect(heard.at(-1)).toBeGreaterThanOrEqual(keyed);
  await store.close();
});
