import { readFileSync } from "node:fs";
import type { Connection } from "./connection.ts";
import { isDuplicate, isDuplicateTable, isUndefinedTable } from "./postgres-error.ts";

/** In order; append only. Number n leads from version n - 1 of the schema to version n. */
const migrations = ["001.sql"];

const selectVersion = {
  name: "select_schema_version",
  text: "select coalesce(max(version), 0) as version from migrations",
};
const insertVersion = {
  name: "insert_schema_version",
  text: "insert into migrations (version) values ($1::bigint)",
};

/**
 * Bring the schema up to date. Harmless when it is, and when several nodes do it at once.
 *
 * Each migration is a transaction that first takes its number: of two nodes, one waits there until
 * the other has committed, and then finds the number taken.
 *
 * @throws Error if the database is newer than this program.
 */
export async function migrate(connection: Connection): Promise<void> {
  let version = await schemaVersion(connection);
  while (version < migrations.length) {
    await takeStep(connection, version + 1);
    version = await schemaVersion(connection);
  }
  if (version > migrations.length) {
    throw new Error(
      `the database has schema version ${version}, but this version of Giraffe knows only ` +
        `up to ${migrations.length}: run the newer Giraffe that wrote it`,
    );
  }
}

async function schemaVersion(connection: Connection): Promise<number> {
  try {
    const [row] = await connection.run(selectVersion);
    return Number(row?.version);
  } catch (error) {
    if (!isUndefinedTable(error)) throw error;
    await createMigrations(connection);
    return 0;
  }
}

async function createMigrations(connection: Connection): Promise<void> {
  try {
    await connection.execute("create table if not exists migrations (version bigint primary key)");
  } catch (error) {
    if (!isDuplicateTable(error)) throw error;
  }
}

async function takeStep(connection: Connection, version: number): Promise<void> {
  const file = migrations[version - 1] as string;
  const sql = readFileSync(new URL(`migrations/${file}`, import.meta.url), "utf8");
  await connection.execute("begin");
  try {
    await connection.run(insertVersion, [version]);
    await connection.execute(sql);
    await connection.execute("commit");
  } catch (error) {
    await connection.execute("rollback");
    if (!isDuplicate(error)) throw error;
  }
}
