import { closeSync, existsSync, openSync, realpathSync, rmSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { cannotOpen, connect } from "../database.ts";
import { isBusy } from "../sqlite-error.ts";
import { clearGaps } from "./clear-gaps.ts";
import { assertOnlyName } from "./only-name.ts";

/** A file that is there if something was erased since `clearErased`. */
const markOf = (file: string) => `${file}-erased`;

/**
 * Note that something is erased, before it is.
 *
 * @throws StoreUnavailableError
 */
export function markErased(file: string): void {
  try {
    closeSync(openSync(markOf(file), "a", 0o600));
  } catch (error) {
    throw cannotOpen(markOf(file), error);
  }
}

/**
 * If something was erased, overwrite what SQLite has left of it; see `clearGaps`. That takes some seconds for a gigabyte.
 * While another connection has the database open, nothing is done, and the next start tries again.
 *
 * @throws StoreUnavailableError if the file cannot be read or written, or has a second name.
 */
export function clearErased(path: string): void {
  if (!existsSync(path)) return;
  const file = realpathSync(path);
  if (!existsSync(markOf(file))) return;
  try {
    assertOnlyName(file);
    const db = connect(file, 0);
    try {
      if (!takeAlone(db)) return;
      // Whoever may erase again has to make a new mark, not one that is removed here.
      clearGaps(file, () => rmSync(markOf(file), { force: true }));
    } finally {
      // Nothing is written here, because the lock has ended.
      db.close();
    }
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/** @returns Whether nobody else has the database open. Then it has no log, and nobody else can read or write it. */
function takeAlone(db: DatabaseSync): boolean {
  try {
    db.exec("pragma journal_mode = delete; begin exclusive");
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}
