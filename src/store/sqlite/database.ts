import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { type KeysOf, StoreUnavailableError } from "../event-store.ts";
import type { UpgradeProgress } from "../observer.ts";
import type { UniqueKeysOf } from "../sql/unique-keys.ts";
import { assertOnlyName } from "./file/only-name.ts";
import { type Place, placeOf } from "./file/place.ts";
import { isBusy, storeErrorFrom } from "./sqlite-error.ts";
import { migrate } from "./upgrade/migrate.ts";

/** One database, shared by the event store and the directory. */
export type Sqlite = {
  /** With links resolved; `undefined`: the database is in memory, and only `acquire` gives access to it. */
  readonly file: string | undefined;
  /** Its files; none of a database in memory. */
  readonly place: Place;
  readonly keysOf: KeysOf<unknown>;
  readonly uniqueKeysOf: UniqueKeysOf<unknown>;
  /** The calling thread's connection. It waits up to 5 s for a lock, blocking the thread. */
  acquire(): DatabaseSync;
  /** Call once for each `acquire`: the last one checkpoints and closes the connection. */
  release(): void;
};

/** How long a connection or a writer tries to get the write lock that another process holds. */
export const maxBusyMs = 5000;

/**
 * Pages of the log beyond which a commit copies them into the database: 8 MiB, twice SQLite's default. A page that several
 * commits write is copied once, and the sorted names of idempotency keys are spread over many pages.
 */
const maxLogPages = 2_000;

/** Before this version a checkpoint during a write could corrupt the database. Source: sqlite.org/wal.html */
const oldestSqlite = "3.51.3";

/**
 * Open a database, create it if there is none, and bring its schema up to date.
 *
 * @param path A file, created with mode 0600 (its directory with 0700), or ":memory:".
 * @param keysOf Must always be the same for a database. Default: searches find nothing.
 * @param uniqueKeysOf For databases whose unique keys were made by older rules.
 * @param upgrading Hears of a migration that takes long. Default: nobody does.
 * @throws StoreUnavailableError if the file cannot be created, opened or written, or has a second name.
 * @throws Error if SQLite is too old, or older than the database's schema.
 */
export function openSqlite<State>(
  path: string,
  keysOf: KeysOf<State> = () => undefined,
  uniqueKeysOf: UniqueKeysOf<State> = () => undefined,
  upgrading: UpgradeProgress = () => {},
): Sqlite {
  const file = path === ":memory:" ? undefined : createFile(path);
  const untyped = {
    keysOf: keysOf as KeysOf<unknown>,
    uniqueKeysOf: uniqueKeysOf as UniqueKeysOf<unknown>,
  };
  const db = openMigrated(path, file, untyped, upgrading);
  let users = 0;
  return {
    file,
    place: file === undefined ? [] : placeOf(file),
    ...untyped,
    acquire() {
      users += 1;
      return db;
    },
    release() {
      users -= 1;
      if (users > 0) return;
      checkpoint(db);
      db.close();
    },
  };
}

/**
 * One more connection to a database that exists, or to a new one in memory. Creates no file.
 *
 * Every commit is durable before it returns and before others see it (`synchronous = full`). What is deleted or
 * overwritten is overwritten in the file, too (`secure_delete`), so that what was erased is nowhere in its free space.
 */
export function connect(file: string, busyMs: number): DatabaseSync {
  const db = new DatabaseSync(file === ":memory:" ? file : existing(file), {
    timeout: busyMs,
    defensive: true,
    allowExtension: false,
    enableForeignKeyConstraints: true,
  });
  db.exec("pragma trusted_schema = off; pragma synchronous = full; pragma secure_delete = on;");
  db.exec(`pragma wal_autocheckpoint = ${maxLogPages}`);
  return db;
}

/** Tells SQLite not to create the file. */
function existing(file: string): URL {
  const url = pathToFileURL(file);
  url.searchParams.set("mode", "rw");
  return url;
}

/**
 * Create a database file that only its owner can read, unless it exists. A file that exists is not opened,
 * because closing it would end all locks that SQLite has on it in this process.
 *
 * @returns Its path with links resolved.
 * @throws StoreUnavailableError
 */
export function createFile(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (!existsSync(path)) createEmpty(path);
    return realpathSync(path);
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/**
 * Where a file is, or is to be, with links resolved. Creates its directory, and not the file.
 *
 * @throws StoreUnavailableError
 */
export function locate(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (existsSync(path)) return realpathSync(path);
    return join(realpathSync(dirname(path)), basename(path));
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/** @throws StoreUnavailableError if there is no file: only a server and `org create` make one. */
export function assertExists(path: string): void {
  if (path !== ":memory:" && !existsSync(path)) {
    throw new StoreUnavailableError(`there is no database ${path}: serve and org create make one`);
  }
}

function createEmpty(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (!existsSync(path)) throw error; // Otherwise another process has just created it.
  }
}

function openMigrated(
  path: string,
  file: string | undefined,
  { keysOf, uniqueKeysOf }: Pick<Sqlite, "keysOf" | "uniqueKeysOf">,
  upgrading: UpgradeProgress,
): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    if (file !== undefined) assertOnlyName(file);
    db = connect(file ?? ":memory:", maxBusyMs);
    assertVersion(db);
    useWriteAheadLog(db);
    migrate(db, keysOf, uniqueKeysOf, upgrading);
    return db;
  } catch (error) {
    db?.close();
    throw storeErrorFrom(error) === error ? error : cannotOpen(path, error);
  }
}

function assertVersion(db: DatabaseSync): void {
  const version = String(db.prepare("select sqlite_version() as version").get()?.version);
  if (sortable(version) >= sortable(oldestSqlite)) return;
  throw new Error(`SQLite ${version} is too old, at least ${oldestSqlite} is needed: update Node`);
}

/** Versions as texts that sort by number. `localeCompare` would do this too, but costs a start 10 ms. */
function sortable(version: string): string {
  return version.replace(/\d+/g, (digits) => digits.padStart(6, "0"));
}

/** The busy timeout does not apply to a change of the journal mode, so wait for other connections here. */
function useWriteAheadLog(db: DatabaseSync): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const pauseMs = 5;
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    try {
      db.exec("pragma journal_mode = wal");
      return;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= maxBusyMs) throw error;
      Atomics.wait(pause, 0, 0, pauseMs);
    }
  }
}

/** Pages that cannot be copied now, for example because another process reads them, stay in the log. */
function checkpoint(db: DatabaseSync): void {
  try {
    db.exec("pragma busy_timeout = 0; pragma wal_checkpoint(truncate);");
  } catch (error) {
    if (storeErrorFrom(error) === error) throw error;
  }
}

/** The error for the person who starts the server. */
export function cannotOpen(path: string, error: unknown): StoreUnavailableError {
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreUnavailableError(`cannot open the database ${path}: ${reason}`, { cause: error });
}
