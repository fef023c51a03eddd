import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../../src/store/postgres/event-store.ts";
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
