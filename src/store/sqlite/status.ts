import type { DatabaseSync } from "node:sqlite";
import type { DatabaseStatus, StateMark } from "../status.ts";
import { assertExists, cannotOpen, connect, maxBusyMs } from "./database.ts";
import { assertOnlyName } from "./file/only-name.ts";

/**
 * Look at a database as it is, whatever its version, while others use it.
 *
 * @throws StoreUnavailableError if there is no database, or it cannot be read.
 */
export function readSqliteStatus(path: string, counted: StateMark): DatabaseStatus {
  assertExists(path);
  let db: DatabaseSync | undefined;
  try {
    assertOnlyName(path);
    db = connect(path, maxBusyMs);
    // One transaction, so that all figures are of the same moment.
    db.exec("begin");
    const schemaVersion = numberOf(db, "select user_version as value from pragma_user_version");
    const isOurs = schemaVersion > 0;
    return {
      engine: `SQLite ${db.prepare("select sqlite_version() as version").get()?.version}`,
      schemaVersion,
      organizations: isOurs ? numberOf(db, "select count(*) as value from organizations") : 0,
      users: isOurs
        ? numberOf(db, "select count(*) as value from heads where instr(state, ?) > 0", counted)
        : 0,
    };
  } catch (error) {
    throw cannotOpen(path, error);
  } finally {
    db?.close();
  }
}

function numberOf(db: DatabaseSync, sql: string, ...values: string[]): number {
  return Number(db.prepare(sql).get(...values)?.value);
}
