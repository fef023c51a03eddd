/**
 * Opens databases: the only file that names an engine. Each kind of command loads no more of it than it needs, which
 * takes a way to open it for each, so the file is over 250 lines.
 */

import { ConfigError, type Database } from "../config/config.ts";
import { searchKeys } from "../domain/search-keys.ts";
import { uniqueKeys as uniqueKeysOf } from "../domain/user-name.ts";
import type { Collision } from "../store/collision.ts";
import type { Directory } from "../store/directory.ts";
import type { EventStore, Micros } from "../store/event-store.ts";
import type { StoreObserver, UpgradeProgress } from "../store/observer.ts";
import { migrations } from "../store/sql/migrations.ts";
import { assertExists, openSqlite, type Sqlite } from "../store/sqlite/database.ts";
import { createSqliteDirectory } from "../store/sqlite/directory.ts";
import { clearErased } from "../store/sqlite/file/erased-mark.ts";
import type { DatabaseLock } from "../store/sqlite/file/lock.ts";
import { settleLog } from "../store/sqlite/file/settle-log.ts";
import type { DatabaseStatus } from "../store/status.ts";
import type { Transfer } from "../store/transfer.ts";

/** The wall clock in microseconds, with a precision of a millisecond. */
export const wallClock = (): Micros => Date.now() * 1_000;

/** A database that a server has opened. */
export type OpenStore = {
  readonly store: EventStore;
  readonly directory: Directory;
  /** The database program and its version, such as `SQLite 3.53.4`. */
  readonly engine: string;
  readonly schemaVersion: number;
  /** Users whose user name belongs to another user since names are compared differently: see `Collision`. */
  readonly collisions: readonly Collision[];
  /** Resolves with what is wrong if the files of the database are no longer where they were. */
  readonly gone: Promise<Error>;
  /** Resolves if the disk could not keep what was written. The process must end at once, and close nothing. */
  readonly failed: Promise<Error>;
  /** Remembers what the database holds now, and returns what puts it back; only of a database in memory. */
  readonly snapshot?: (() => Promise<() => void>) | undefined;
  /** Waits for changes in flight, then closes the database. */
  close(): Promise<void>;
};

/**
 * Open the store for a server. A database that does not exist is created, an older one is migrated.
 *
 * @param now Dates changes. Default: the wall clock.
 * @param upgrading Hears of a migration that takes long.
 * @throws DatabaseLockedError if another server uses the SQLite database.
 * @throws StoreUnavailableError if the database cannot be opened.
 * @throws UnsafeServerError if PostgreSQL may lose what it acknowledges.
 */
export async function openStore(
  database: Database,
  observer: StoreObserver,
  now: () => Micros = wallClock,
  upgrading?: UpgradeProgress,
): Promise<OpenStore> {
  if (database.kind === "sqlite") return openSqliteStore(database.path, observer, now, upgrading);
  return openPostgresStore(database.url, observer, now, upgrading);
}

async function openPostgresStore(
  url: string,
  observer: StoreObserver,
  now: () => Micros,
  upgrading: UpgradeProgress | undefined,
): Promise<OpenStore> {
  const { openPostgres, createPostgresDirectory, createPostgresEventStore } = await loadPostgres();
  const { collisionsIn } = await import("../store/postgres/upgrade/renew-unique-keys.ts");
  const { readServerVersion } = await import("../store/postgres/status.ts");
  const { watchFailures } = await import("./watch-failures.ts");
  const postgres = await openPostgres(url, searchKeys, { uniqueKeysOf, upgrading });
  const store = createPostgresEventStore({ database: postgres, now, observer });
  const directory = createPostgresDirectory(postgres);
  const stopWatching = postgres.watchNodes?.((nodes) => observer.nodes?.(nodes));
  async function close(): Promise<void> {
    await stopWatching?.();
    await store.close();
    await directory.close();
  }
  return closedIfFails(close, async () => ({
    store: watchFailures(store, observer.failed),
    directory,
    engine: `PostgreSQL ${await readServerVersion(postgres)}`,
    schemaVersion: migrations.length,
    collisions: await collisionsIn(postgres),
    gone: never(),
    failed: never(),
    close,
  }));
}

/** A new one each time: what waits for a promise is held by it, and a server that is closed must not be held. */
const never = () => new Promise<Error>(() => {});

async function openSqliteStore(
  path: string,
  observer: StoreObserver,
  now: () => Micros,
  upgrading: UpgradeProgress | undefined,
): Promise<OpenStore> {
  const { createSqliteEventStore, lockDatabase, watchPlace, collisionsIn, watchFailures } =
    await loadSqliteStore();
  const lock = path === ":memory:" ? undefined : lockDatabase(path);
  const sqlite = openLocked(path, lock, upgrading);
  const watch = lock && watchPlace([...sqlite.place, ...lock.place]);
  const { promise: failed, resolve: onSyncFailure } = Promise.withResolvers<Error>();
  const store = createSqliteEventStore({ database: sqlite, now, observer, onSyncFailure });
  const directory = createSqliteDirectory(sqlite);
  async function close(): Promise<void> {
    watch?.close();
    await store.close();
    await directory.close();
    lock?.close();
  }
  return closedIfFails(close, async () => ({
    store: watchFailures(store, observer.failed),
    directory,
    engine: `SQLite ${process.versions.sqlite}`,
    schemaVersion: migrations.length,
    collisions: collisionsIn(sqlite),
    gone: watch?.gone ?? never(),
    failed,
    snapshot: path === ":memory:" ? () => snapshotOf(sqlite) : undefined,
    close,
  }));
}

/**
 * Finish a start. If that fails, what is open already is closed, because it would keep the process running and the
 * database locked.
 *
 * @throws What `start` throws, also if the closing fails, too.
 */
export async function closedIfFails<Result>(
  close: () => Promise<void>,
  start: () => Promise<Result>,
): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

async function snapshotOf({ acquire, release }: Sqlite): Promise<() => void> {
  const { takeSnapshot } = await import("../store/sqlite/snapshot.ts");
  const restore = takeSnapshot(acquire());
  // The store has the connection open as long as the server lives.
  release();
  return restore;
}

/** Open a database whose lock is held. If that fails, the lock is released. */
function openLocked(
  path: string,
  lock: DatabaseLock | undefined,
  upgrading: UpgradeProgress | undefined,
): Sqlite {
  try {
    if (lock !== undefined) {
      settleLog(path);
      clearErased(path);
    }
    return openSqlite(path, searchKeys, uniqueKeysOf, upgrading);
  } catch (error) {
    lock?.close();
    throw error;
  }
}

/**
 * The directory alone, for commands that run beside a server.
 *
 * @param mayCreate Whether to create a database that does not exist.
 * @throws StoreUnavailableError if there is no database and none may be created, or if it cannot be opened.
 */
export async function openDirectory(database: Database, mayCreate: boolean): Promise<Directory> {
  if (database.kind === "sqlite") {
    if (!mayCreate) assertExists(database.path);
    return createSqliteDirectory(openSqlite(database.path, searchKeys, uniqueKeysOf));
  }
  const { openPostgres, createPostgresDirectory } = await loadPostgres();
  return createPostgresDirectory(
    await openPostgres(database.url, searchKeys, { uniqueKeysOf, mayCreate }),
  );
}

/**
 * The event store, for commands that run beside a server.
 *
 * @throws StoreUnavailableError if there is no such database, or if it cannot be opened.
 */
export async function openEventStore(database: Database): Promise<EventStore> {
  if (database.kind === "sqlite") {
    assertExists(database.path);
    const { createSqliteEventStore } = await import("../store/sqlite/event-store.ts");
    const sqlite = openSqlite(database.path, searchKeys, uniqueKeysOf);
    return createSqliteEventStore({ database: sqlite, now: wallClock });
  }
  const { openPostgres, createPostgresEventStore } = await loadPostgres();
  const postgres = await openPostgres(database.url, searchKeys, { uniqueKeysOf, mayCreate: false });
  return createPostgresEventStore({ database: postgres, now: wallClock });
}

/**
 * The directory and the transfer of many users, for commands that run beside a server.
 *
 * @throws StoreUnavailableError if there is no such database: a new one would have no organization.
 */
export async function openTransfer(
  database: Database,
): Promise<{ readonly directory: Directory; readonly transfer: Transfer }> {
  if (database.kind === "sqlite") {
    assertExists(database.path);
    const sqlite = openSqlite(database.path, searchKeys, uniqueKeysOf);
    const { createSqliteTransfer } = await import("../store/sqlite/transfer.ts");
    return {
      directory: createSqliteDirectory(sqlite),
      transfer: createSqliteTransfer({ database: sqlite, now: wallClock }),
    };
  }
  const { openPostgres, createPostgresDirectory } = await loadPostgres();
  const { createPostgresTransfer } = await import("../store/postgres/transfer.ts");
  const postgres = await openPostgres(database.url, searchKeys, { uniqueKeysOf, mayCreate: false });
  return {
    directory: createPostgresDirectory(postgres),
    transfer: createPostgresTransfer({ database: postgres, now: wallClock }),
  };
}

/** In the state of a user who was added and not removed. In JSON no text of a user can look like this. */
const present = '"kind":"present"';

/**
 * What a database is, without changing it. `newestSchema` is the version that this release brings it to.
 *
 * @throws ConfigError for a database in memory.
 * @throws StoreUnavailableError if there is no such database, or it cannot be read.
 */
export async function readStatus(
  database: Database,
): Promise<DatabaseStatus & { readonly newestSchema: number }> {
  if (database.kind === "sqlite") {
    if (database.path === ":memory:") {
      throw new ConfigError([
        "--database is in memory: only the server that has it can look at it",
      ]);
    }
    const { readSqliteStatus } = await import("../store/sqlite/status.ts");
    return { ...readSqliteStatus(database.path, present), newestSchema: migrations.length };
  }
  const { readPostgresStatus } = await import("../store/postgres/status.ts");
  return { ...(await readPostgresStatus(database.url, present)), newestSchema: migrations.length };
}

/**
 * Copy the database into a file while others use it.
 *
 * @param observe Called several times, with the bytes that were copied so far and those of the whole.
 * @throws ConfigError for a database that is no SQLite file.
 * @throws StoreUnavailableError if there is no database or it has a second name, the file exists, or the
 *   copy cannot be made.
 */
export async function backUpDatabase(
  database: Database,
  target: string,
  observe: (copied: number, whole: number) => void,
): Promise<void> {
  if (database.kind !== "sqlite" || database.path === ":memory:") {
    throw new ConfigError([
      "--database is no SQLite file: PostgreSQL has pg_dump and pg_basebackup for this",
    ]);
  }
  const { backUp } = await import("../store/sqlite/file/backup.ts");
  await backUp(database.path, target, observe);
}

/** Loaded only for a server, because most commands read the directory alone. */
async function loadSqliteStore() {
  const [eventStore, lock, place, uniqueKeys, failures] = await Promise.all([
    import("../store/sqlite/event-store.ts"),
    import("../store/sqlite/file/lock.ts"),
    import("../store/sqlite/file/place.ts"),
    import("../store/sqlite/upgrade/renew-unique-keys.ts"),
    import("./watch-failures.ts"),
  ]);
  return { ...eventStore, ...lock, ...place, ...uniqueKeys, ...failures };
}

/** Loaded only if it is used, because its driver would take a fifth of the time of a start on SQLite. */
async function loadPostgres() {
  const [database, directory, eventStore] = await Promise.all([
    import("../store/postgres/database.ts"),
    import("../store/postgres/directory.ts"),
    import("../store/postgres/event-store.ts"),
  ]);
  return { ...database, ...directory, ...eventStore };
}
