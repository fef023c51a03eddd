import { DatabaseSync } from "node:sqlite";
import { cannotOpen, createFile } from "./database.ts";
import { isBusy } from "./sqlite-error.ts";

/** Another server uses the database. */
export class DatabaseLockedError extends Error {
  override readonly name = "DatabaseLockedError";
}

/**
 * Make sure that only one server uses a database file. Commands beside it do not ask for this lock.
 *
 * The lock is an exclusive transaction on a side database, `PATH-serve.lock`: it ends with the
 * process, however that ends, and it does not keep anybody from the database itself. The file stays.
 *
 * @param path Of the database file, which is created if there is none. Not ":memory:".
 * @returns Gives the lock back. Keep it: the lock is lost with the object.
 * @throws DatabaseLockedError at once if another process, or this one, holds the lock.
 * @throws StoreUnavailableError if a file cannot be created or written.
 */
export function lockDatabase(path: string): { close(): void } {
  const file = createFile(path);
  const side = createFile(`${file}-serve.lock`);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(side);
    db.exec("begin exclusive");
    return db;
  } catch (error) {
    db?.close();
    if (!isBusy(error)) throw cannotOpen(side, error);
    throw new DatabaseLockedError(`another server is using the database ${path}`, { cause: error });
  }
}
