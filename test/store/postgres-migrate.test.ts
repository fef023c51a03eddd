import { describe, expect, test } from "vitest";
import { openPostgres } from "../../src/store/postgres/database.ts";
import { query } from "../postgres.ts";
import { newPostgresDatabase } from "../postgres-database.ts";

const schema = (url: string) =>
  query(
    url,
    `select table_name, column_name, data_type from information_schema.columns
     where table_schema = 'public' order by table_name, ordinal_position`,
  );

describe("migrate", () => {
  test("does no harm when it runs again", async () => {
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
