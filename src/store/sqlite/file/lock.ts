import { rmSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { cannotOpen, connect, createFile, locate } from "../database.ts";
import { isBusy } from "../sqlite-error.ts";
import { type Place, placeOf } from "./place.ts";

/** Another server uses the database. */
export class DatabaseLockedError extends Error {
  override readonly name = "DatabaseLockedError";
}

/** Keep it: the lock is lost with the object. */
export type DatabaseLock = {
  /** While the lock's own file is there, nobody else gets the lock. */
  readonly place: Place;
  close(): void;
};

/**
 * Make sure that only one server uses a database file. Commands beside it do not ask for this lock.
 *
 * The lock is an exclusive transaction on a side database, `PATH-serve.lock`: it ends with the
 * process, however that ends, and it does not keep anybody from the database itself. Whoever gives the
 * lock back removes that file.
 *
 * @param path Of the database file, which need not exist yet. Not ":memory:".
 * @throws DatabaseLockedError at once if another process, or this one, holds the lock.
 * @throws StoreUnavailableError if the side database cannot be created or written.
 */
export function lockDatabase(path: string): DatabaseLock {
  const side = `${locate(path)}-serve.lock`;
  for (;;) {
    createFile(side);
    const before = identityOf(side);
    const db = lock(side, path);
    // Else its holder has just removed it, and the next to come would make another one.
    if (before !== undefined && identityOf(side) === before) {
      return { place: placeOf(side), close: () => release(db, side) };
    }
    db.close();
  }
}

function lock(side: string, path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = connect(side, 0);
    db.exec("begin exclusive");
    return db;
  } catch (error) {
    db?.close();
    if (!isBusy(error)) throw cannotOpen(side, error);
    throw new DatabaseLockedError(`another server is using the database ${path}`, { cause: error });
  }
}

/** Removed first, so that nobody loses a file whose lock they hold. */
function release(db: DatabaseSync, side: string): void {
  try {
    rmSync(side, { force: true });
  } catch {
    // Windows does not remove what is open; the file stays there.
  }
  db.close();
}

/** The number of a file may be given to another one later, but not within the same nanosecond. */
function identityOf(path: string): string | undefined {
  const seen = statSync(path, { bigint: true, throwIfNoEntry: false });
  return seen && `${seen.dev} ${seen.ino} ${seen.birthtimeNs}`;
}
