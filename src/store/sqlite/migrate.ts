import { readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { transact } from "./transaction.ts";

/** In order; append only. Number n leads from version n - 1 of the schema to version n. */
const migrations = ["001.sql", "002.sql"];

/**
 * Bring the schema up to date. Harmless when it is, and when several processes do it at once.
 *
 * The version is SQLite's `user_version`, which is written in the migration's own transaction.
 *
 * @throws Error if the database is newer than this program.
 */
export function migrate(db: DatabaseSync): void {
  if (schemaVersion(db) === migrations.length) return;
  transact(db, () => {
    const version = schemaVersion(db);
    if (version > migrations.length) {
      throw new Error(
        `the database has schema version ${version}, but this version of Giraffe knows only ` +
          `up to ${migrations.length}: run the newer Giraffe that wrote it`,
      );
    }
    for (const file of migrations.slice(version)) {
      db.exec(readFileSync(new URL(`migrations/${file}`, import.meta.url), "utf8"));
    }
    db.exec(`pragma user_version = ${migrations.length}`);
  });
}

function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare("pragma user_version").get()?.user_version);
}
