import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { query } from "./postgres.ts";
import { newPostgresDatabase } from "./postgres-database.ts";

test("E: a new database is prepared as a file in the environment says", async () => {
  vi.stubEnv("GIRAFFE_TEST_POSTGRES_PREPARE", "");
  const other = await newPostgresDatabase();
  const folder = mkdtempSync(join(tmpdir(), "giraffe-prepare-"));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, "prepare.json");
  const create = [
    { url: other, sql: "create table {database} (name text)" },
    { url: other.replace(/\/[^/]*$/, "/{database}"), sql: "create table prepared (name text)" },
  ];
  writeFileSync(file, JSON.stringify({ create, finish: [] }));
  vi.stubEnv("GIRAFFE_TEST_POSTGRES_PREPARE", file);
  const url = await newPostgresDatabase();
  expect(await query(url, "select name from prepared")).toEqual([]);
  expect(await query(other, `select name from ${new URL(url).pathname.slice(1)}`)).toEqual([]);
});
