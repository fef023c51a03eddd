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
  /** The file of the lock. While it is there, no other server gets the lock. */
  readonly place: Place;
  close(): void;
};

/**
 * Make sure that only one server uses a database file. Commands beside it do not ask for this lock.
 *
 * The lock is an exclusive transaction on a side database, `PATH-serve.lock`. It ends with the process, even
 * if the process is killed, and it blocks nothing in the database itself. `close` removes that file.
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
    // Otherwise its holder has just removed the file, and the next server would create another one.
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

/** Remove the file before the lock ends, so that it is not removed while another server holds its lock. */
function release(db: DatabaseSync, side: string): void {
  try {
    rmSync(side, { force: true });
  } catch {
    // Windows does not remove open files; the file stays there.
  }
  db.close();
}

/** An inode number may be used again for another file, but not with the same time of creation. */
function identityOf(path: string): string | undefined {
  const seen = statSync(path, { bigint: true, throwIfNoEntry: false });
  return seen && `${seen.dev} ${seen.ino} ${seen.birthtimeNs}`;
}
