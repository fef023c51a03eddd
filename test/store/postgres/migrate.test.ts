import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../../src/store/postgres/event-store.ts";
import { keySpace } from "../../../src/store/postgres/keys/key-space.ts";
import { migrations } from "../../../src/store/sql/migrations.ts";
import { startProgram } from "../../support/child.ts";
import { query } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

const schema = (url: string) =>
  query(
    url,
    `select table_name, column_name, data_type from information_schema.columns
     where table_schema = 'public' order by table_name, ordinal_position`,
  );

describe("migrate", () => {
  test("changes nothing when it runs again", async () => {
    const url = await newPostgresDatabase();
    await openPostgres(url);
    const first = await schema(url);
    await openPostgres(url);
    expect(await schema(url)).toEqual(first);
    expect(first.map(({ table_name }) => table_name)).toEqual(
      expect.arrayContaining(["events", "heads"]),
    );
  });

  test("succeeds in nodes that start at once", async () => {
    const versions = "select version from schema_versions order by version";
    const once = await newPostgresDatabase();
    await openPostgres(once);
    for (const _ of Array(5)) {
      const url = await newPostgresDatabase();
      await Promise.all(Array.from({ length: 8 }, () => openPostgres(url)));
      expect(await schema(url)).toEqual(await schema(once));
      expect(await query(url, versions)).toEqual(await query(once, versions));
    }
  });

  describe("that takes long", () => {
    /** A database of an older version, whose migration takes until `release` is called. */
    async function slowDatabase() {
      const url = await newPostgresDatabase();
      await query(
        url,
        readFileSync(new URL("../fixtures/postgres-10.sql", import.meta.url), "utf8"),
      );
      const reader = new Client({ connectionString: url });
      await reader.connect();
      onTestFinished(() => reader.end());
      await reader.query("begin; lock table heads in access share mode");
      const waiting = `select pid from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%alter table heads%'`;
      return {
        url,
        /** Backends that are in the middle of the migration. */
        migrating: async () => (await query(url, waiting)).map(({ pid }) => pid),
        release: () => reader.query("rollback"),
      };
    }

    const versionOf = async (url: string) =>
      (await query(url, "select max(version)::int as version from schema_versions"))[0]?.version;

    test("C9: is begun anew by the next start if its process is killed, which PostgreSQL notices by itself", async () => {
      const { url, migrating, release } = await slowDatabase();
      const door = new URL("../../../src/store/postgres/database.ts", import.meta.url).href;
      const program = `const { openPostgres } = await import(${JSON.stringify(door)});
        await openPostgres(process.argv[1]);`;
      const child = startProgram(process.execPath, ["--input-type=module", "-e", program, url]);
      await expect.poll(migrating).toHaveLength(1);
      const [orphan] = await migrating();
      child.kill("SIGKILL");
      await child.ended;
      await expect.poll(migrating).toEqual([]);

      const heard: number[] = [];
      const upgrading = (version: number) => void heard.push(version);
      const opening = openPostgres(url, undefined, { upgrading });
      await expect.poll(migrating).toHaveLength(1);
      expect(await migrating()).not.toContain(orphan);
      await release();
      await opening;
      expect(await versionOf(url)).toBe(migrations.length);
      expect([...new Set(heard)]).toEqual(migrations.map((_, place) => place + 1).slice(11));
    });

    test("C9: makes servers that start meanwhile wait, longer than a statement of a call may", async () => {
      const { url, migrating, release } = await slowDatabase();
      const opening = [openPostgres(url)];
      await expect.poll(migrating).toHaveLength(1);
      opening.push(openPostgres(url), openPostgres(url));
      let isOver = false;
      const over = Promise.allSettled(opening).finally(() => {
        isOver = true;
      });
      await pause(6_000);
      expect(isOver).toBe(false);
      await release();
      expect((await over).map(({ status }) => status)).toEqual(Array(3).fill("fulfilled"));
      expect(await versionOf(url)).toBe(migrations.length);
    });
  });

  test("makes streams that are older than the index searchable", async () => {
    const url = await newPostgresDatabase();
    await query(url, "create table schema_versions (version bigint not null primary key)");
    for (const name of ["001.sql", "002.sql"]) {
      const file = new URL(`../../../src/store/postgres/migrations/${name}`, import.meta.url);
      await query(url, readFileSync(file, "utf8"));
    }
    await query(url, "insert into schema_versions values (1), (2)");
    await query(
      url,
      `insert into heads (stream, organization, version, change, created_at, changed_at, state)
       select n::text, case n % 2 when 0 then 'org' else 'other' end, 1, gen_random_uuid(), n, n,
         case n when 2 then 'null' else '"Name ' || n || '"' end
       from generate_series(1, 2500) as n`,
    );
    const database = await openPostgres(url, ({ state }: { state: string | null }) =>
      state === null ? undefined : { name: state },
    );
    const store = createPostgresEventStore({ database, now: () => 1 });
    const all = { kind: "and", queries: [] } as const;
    const list = { query: all, sortBy: "name", ascending: false, offset: 0, limit: 2 };
    expect(await store.search("org", list)).toMatchObject({
      total: 1249,
      results: [{ stream: "998" }, { stream: "996" }],
    });
    await store.close();
  });

  test("C6: cuts keys that are longer than an index should hold", async () => {
    const url = await newPostgresDatabase();
    await query(url, "create table schema_versions (version bigint not null primary key)");
    for (const name of ["001.sql", "002.sql", "003.sql"]) {
      const file = new URL(`../../../src/store/postgres/migrations/${name}`, import.meta.url);
      await query(url, readFileSync(file, "utf8"));
    }
    await query(url, "insert into schema_versions values (1), (2), (3)");
    // More than one statement looks at. The long ones are in the index because they are compressed.
    await query(
      url,
      `insert into heads (stream, organization, version, change, created_at, changed_at, state)
       select n::text, 'org', 1, gen_random_uuid(), n, n, '"' || repeat('X', case n % 100 when 0 then 1800 else 0 end) || n || '"'
       from generate_series(1, 21000) as n`,
    );
    await query(
      url,
      `insert into search_keys (organization, name, folded, stream, text)
       select organization, 'name', lower(btrim(state, '"')), stream, btrim(state, '"') from heads
       union all select organization, '', '', stream, null from heads`,
    );
    const database = await openPostgres(url, ({ state }: { state: string }) => ({ name: state }));
    const store = createPostgresEventStore({ database, now: () => 1 });
    const totalOf = async (method: "equals" | "ends-with", text: string, ignoreCase: boolean) => {
      const query = { kind: "text", key: "name", method, text, ignoreCase } as const;
      const list = { sortBy: undefined, ascending: true, offset: 0, limit: 1 };
      return (await store.search("org", { query, ...list })).total;
    };
    const long = "X".repeat(1_800);
    expect(await totalOf("equals", `${long}20901`, false)).toBe(0);
    expect(await totalOf("equals", `${long}20900`, false)).toBe(1);
    expect(await totalOf("equals", `${long.toLowerCase()}20900`, true)).toBe(1);
    expect(await totalOf("ends-with", "x20900", true)).toBe(1);
    const [row] = await query(
      url,
      "select max(octet_length(folded)) as longest, count(*)::int as keys from search_keys",
    );
    expect(row).toEqual({ longest: 1_000, keys: 21_000 });
    await store.close();
  });

  test("C9, C6: adds search keys that few streams have, also where some of them are there", async () => {
    const url = await newPostgresDatabase();
    const text = readFileSync(new URL("../fixtures/postgres-13.sql", import.meta.url), "utf8");
    await query(url, text);
    // More than one statement looks at.
    await query(
      url,
      `insert into heads (stream, organization, version, change, created_at, changed_at, state, status)
       select n::text, 'org', 1, gen_random_uuid(), n, n, case n % 3 when 0 then '"P' || n || '"' else '""' end,
         'active' from generate_series(1, 2500) as n`,
    );
    const space = keySpace("org", "plainEmail");
    await query(url, `insert into search_keys values (${space}, 'p3', '3')`);
    const keysOf = ({ state }: { state: unknown }) => ({
      state: "active",
      ...(typeof state === "string" && { plainEmail: state }),
    });
    const heard: (readonly [number, number])[] = [];
    const upgrading = (version: number, heads: number) => {
      if (version === 14) heard.push([version, heads]);
    };
    const database = await openPostgres(url, keysOf, { upgrading });
    const store = createPostgresEventStore({ database, now: () => 1 });
    const totalOf = async (method: "equals" | "starts-with", text: string) => {
      const query = { kind: "text", key: "plainEmail", method, text, ignoreCase: true } as const;
      const list = { sortBy: undefined, ascending: true, offset: 0, limit: 1 };
      return (await store.search("org", { query, ...list })).total;
    };
    expect(await totalOf("starts-with", "p")).toBe(833);
    expect(await totalOf("equals", "P3")).toBe(1);
    expect(heard[0]).toEqual([14, 0]);
    expect(heard.at(-1)).toEqual([14, 2_508]);
    expect(heard.length).toBeGreaterThan(3);
    await store.close();
  });

  test("refuses a database that is newer than the program, and leaves it alone", async () => {
    const url = await newPostgresDatabase();
    await query(url, "create table schema_versions (version bigint primary key)");
    await query(url, "insert into schema_versions values (99)");
    const before = await schema(url);
    await expect(openPostgres(url)).rejects.toThrow(
      /schema version 99, .* knows only up to \d+: run the newer/,
    );
    expect(await schema(url)).toEqual(before);
  });
});
