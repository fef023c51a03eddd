import { readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { KeysOf } from "../event-store.ts";
import type { UniqueKeysOf } from "../sql/unique-keys.ts";
import { indexHeads } from "./index-heads.ts";
import { renewUniqueKeys } from "./renew-unique-keys.ts";
import { transact } from "./transaction.ts";

type Migration = (
  db: DatabaseSync,
  keysOf: KeysOf<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown>,
) => void;

/** In order; append only. Number n leads from version n - 1 of the schema to version n. */
const migrations: readonly Migration[] = [
  (db) => runFile(db, "001.sql"),
  (db) => runFile(db, "002.sql"),
  // The index is written by step 4, in the same transaction.
  (db) => runFile(db, "003.sql"),
  (db, keysOf, uniqueKeysOf) => {
    runFile(db, "004.sql");
    indexHeads(db, keysOf);
    renewUniqueKeys(db, uniqueKeysOf);
  },
  (db) => runFile(db, "005.sql"),
];

/**
 * Bring the schema up to date. Harmless when it is, and when several processes do it at once.
 *
 * The version is SQLite's `user_version`, which is written in the migration's own transaction.
 *
 * @param keysOf For streams that are older than the index.
 * @param uniqueKeysOf For streams that are older than how their names are folded.
 * @throws Error if the database is newer than this program.
 */
export function migrate(
  db: DatabaseSync,
  keysOf: KeysOf<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown> = () => undefined,
): void {
  if (schemaVersion(db) === migrations.length) return;
  transact(db, () => {
    const version = schemaVersion(db);
    if (version > migrations.length) {
      throw new Error(
        `the database has schema version ${version}, but this version of Giraffe knows only ` +
          `up to ${migrations.length}: run the newer Giraffe that wrote it`,
      );
    }
    for (const step of migrations.slice(version)) step(db, keysOf, uniqueKeysOf);
    db.exec(`pragma user_version = ${migrations.length}`);
  });
}

function runFile(db: DatabaseSync, name: string): void {
  db.exec(readFileSync(new URL(`migrations/${name}`, import.meta.url), "utf8"));
}

function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare("pragma user_version").get()?.user_version);
}
