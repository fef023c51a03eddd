import type { DatabaseSync } from "node:sqlite";
import type { KeysOf } from "../../event-store.ts";
import type { UpgradeProgress } from "../../observer.ts";
import { keysOfStep14 } from "../../search/head-keys.ts";
import {
  assertKnownVersion,
  type Migration,
  migrations,
  migrationText,
} from "../../sql/migrations.ts";
import type { UniqueKeysOf } from "../../sql/unique-keys.ts";
import { defineReceiptName } from "../append/receipt-names.ts";
import { transact } from "../transaction.ts";
import { addKeys } from "./add-keys.ts";
import { indexHeads } from "./index-heads.ts";
import { listHeads } from "./list-heads.ts";
import { renewUniqueKeys } from "./renew-unique-keys.ts";

const folder = new URL("../migrations/", import.meta.url);

/**
 * Bring the schema up to date. Harmless if it is up to date, and if several processes do it at once.
 *
 * The version is SQLite's `user_version`, which is written in the transaction of the migrations.
 *
 * @param keysOf For databases that are older than the index.
 * @param uniqueKeysOf For databases whose unique keys were made by older rules.
 * @param progress Hears of every step of a database that is not new. Default: nobody does.
 * @throws Error if the database is newer than this program.
 */
export function migrate(
  db: DatabaseSync,
  keysOf: KeysOf<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown> = () => undefined,
  progress: UpgradeProgress = () => {},
): void {
  const run = (migration: Migration, toVersion: number) => {
    db.exec(migrationText(migration, folder));
    if (migration.writes === "no keys") return;
    const heard = (heads: number) => progress(toVersion, heads);
    if (migration.writes === "statuses") return listHeads(db, keysOf, heard);
    if (migration.writes === "new keys") return addKeys(db, keysOf, keysOfStep14, heard);
    indexHeads(db, keysOf);
    if (migration.writes === "all keys") renewUniqueKeys(db, uniqueKeysOf);
  };
  if (schemaVersion(db) === migrations.length) return;
  transact(db, () => {
    const version = schemaVersion(db);
    assertKnownVersion(version);
    defineReceiptName(db);
    for (const [place, migration] of migrations.entries()) {
      if (place < version) continue;
      if (version > 0) progress(place + 1, 0);
      run(migration, place + 1);
    }
    db.exec(`pragma user_version = ${migrations.length}`);
  });
}

function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare("pragma user_version").get()?.user_version);
}
