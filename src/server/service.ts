import { createAuthenticators } from "../access/authenticators.ts";
import { createFailedAttempts } from "../access/failed-attempts.ts";
import { createIdGenerator } from "../access/id.ts";
import { type Config, ConfigError, type Database } from "../config/config.ts";
import { claims as claimsOf } from "../domain/human.ts";
import { searchKeys } from "../domain/search-keys.ts";
import { errorDomain } from "../rpc/errors.ts";
import { createReadiness } from "../rpc/health.ts";
import {
  createInterceptors,
  createRequestGate,
  createRoutes,
  type RpcParts,
  restPrefix,
} from "../rpc/routes.ts";
import type { Directory } from "../store/directory.ts";
import type { Micros } from "../store/event-store.ts";
import type { StoreObserver } from "../store/observer.ts";
import type { Collision } from "../store/sql/claims.ts";
import { assertExists, openSqlite, type Sqlite } from "../store/sqlite/database.ts";
import { createSqliteDirectory } from "../store/sqlite/directory.ts";
import { createSqliteEventStore } from "../store/sqlite/event-store.ts";
import { type DatabaseLock, lockDatabase } from "../store/sqlite/file/lock.ts";
import { watchPlace } from "../store/sqlite/file/place.ts";
import { collisionsIn } from "../store/sqlite/refold-claims.ts";
import type { Transfer } from "../store/transfer.ts";
import type { Snapshot } from "../telemetry/exposition.ts";
import type { RequestRecord } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createListener, peerKey } from "../wire/index.ts";
import { bootstrap, TokenFileMissingError } from "./bootstrap.ts";
import { loadTracing, recordFromOutcome } from "./observation.ts";
import { createConsolePages } from "./pages/console-pages.ts";
import { createDocumentationPages } from "./pages/documentation-pages.ts";
import { createProbes } from "./probes.ts";
import { watchFailures } from "./watch-failures.ts";

export { createUserLines } from "../bulk/user-line.ts";

/** The whole server. */
export interface Service {
  /** Whether the database was empty, so that a first token was written. */
  readonly isNew: boolean;
  /**
   * @returns Where it listens, such as `http://127.0.0.1:8080`.
   * @throws Error if the address cannot be had or the TLS files cannot be used; all is closed then.
   */
  listen(): Promise<string>;
  /** @throws Error if the TLS files cannot be used; the old ones stay. */
  reloadTls(): void;
  /** What this process has counted. */
  metrics(): Promise<Snapshot>;
  /** Users who have lost their user name to others, because it differs only in what no longer counts. */
  readonly collisions: readonly Collision[];
  /** Resolves with what is wrong if the files of the database are no longer where they were. */
  readonly gone: Promise<Error>;
  /** Stop accepting, let calls in flight end within `drainMs`, then close the database. */
  close(): Promise<void>;
}

/** Microseconds of the wall clock, which counts milliseconds. */
export const wallClock = (): Micros => Date.now() * 1_000;

/**
 * Put the parts together.
 *
 * @param observe Told of every request when it is answered.
 * @param options.begin Gives an empty database what is needed to begin. Default: `bootstrap`.
 * @param options.allMetrics Those of all processes that share the port. Default: there is only this one.
 * @param options.maxLagMs As the wire takes it. Default: calls are refused while the event loop is late.
 * @throws DatabaseLockedError if another server uses the database.
 * @throws StoreUnavailableError if the database cannot be opened.
 * @throws UnsafeServerError if PostgreSQL may lose what it acknowledges.
 * @throws ConfigError if the database is empty and there is no place for its first token.
 */
export async function createService(
  config: Config,
  observe: (record: RequestRecord) => void,
  options: {
    readonly begin?: typeof bootstrap;
    readonly allMetrics?: (() => Promise<readonly Snapshot[]>) | undefined;
    readonly maxLagMs?: number;
  } = {},
): Promise<Service> {
  const { begin = bootstrap, allMetrics, maxLagMs } = options;
  const {
    database,
    corsOrigins,
    trustedProxies,
    maxMessageBytes,
    defaultDeadlineMs,
    maxDeadlineMs,
  } = config;
  const metrics = createMetrics();
  const opened = await openStore(database, metrics.store);
  const { store, directory, collisions, gone, close: closeStore } = opened;
  const newId = createIdGenerator({ now: wallClock });
  const isNew = await begin(store, directory, { ...config, newId, now: wallClock }).catch(
    async (error: unknown) => {
      await closeStore();
      if (!(error instanceof TokenFileMissingError)) throw error;
      throw new ConfigError([
        "--admin-token-file is missing: the database is empty, and its first token needs a place; give the path of a file",
      ]);
    },
  );

  const readiness = createReadiness();
  gone.then(() => readiness.set(false));
  const parts: RpcParts = {
    store,
    directory,
    readiness,
    newId,
    now: wallClock,
    authenticators: await createAuthenticators({ ...config, directory, store, now: wallClock }),
    failures: createFailedAttempts({ now: wallClock }),
    defaultLanguage: config.defaultLanguage,
    peer: (values) => values.get(peerKey),
  };
  const listener = createListener({
    routes: createRoutes(parts),
    requestGate: createRequestGate(parts),
    interceptors: createInterceptors(parts),
    restPrefix,
    limits: { maxMessageBytes, defaultDeadlineMs, maxDeadlineMs },
    trustedProxies,
    cors: {
      origins: corsOrigins === "*" ? ["*"] : corsOrigins,
      requestHeaders: ["Authorization", "X-Zitadel-Orgid", "X-Requested-With"],
      answerHeaders: ["Content-Length", "Retry-After", "X-Request-Id"],
    },
    headers,
    errorDomain,
    pages: new Map([
      ...createConsolePages(),
      ...createDocumentationPages(),
      ...createProbes({
        readiness,
        store,
        metrics: allMetrics ?? (async () => [await snapshot()]),
      }),
    ]),
    observe(outcome) {
      const record = recordFromOutcome(outcome);
      metrics.request(record);
      observe(record);
    },
    observeLag: metrics.lag,
    maxLagMs,
    trace: await loadTracing(),
  });
  const snapshot = () => metrics.snapshot(listener.load());

  async function close(): Promise<void> {
    readiness.set(false);
    await listener.close(config.drainMs);
    await closeStore();
  }

  return {
    isNew,
    async listen() {
      try {
        const { address, family, port } = await listener.listen({
          ...config.listen,
          tls: config.tls,
        });
        readiness.set(true);
        const host = family === "IPv6" ? `[${address}]` : address;
        return `${config.tls === undefined ? "http" : "https"}://${host}:${port}`;
      } catch (error) {
        await close();
        throw error;
      }
    },
    reloadTls: () => listener.reloadTls(),
    metrics: snapshot,
    collisions,
    gone,
    close,
  };
}

/**
 * The directory alone, for commands that run beside a server.
 *
 * @param mayCreate Whether to make a database if there is none.
 * @throws StoreUnavailableError if there is none and may be none, or if it cannot be opened.
 */
export async function openDirectory(database: Database, mayCreate: boolean): Promise<Directory> {
  if (database.kind === "sqlite") {
    if (!mayCreate) assertExists(database.path);
    return createSqliteDirectory(openSqlite(database.path, searchKeys, claimsOf));
  }
  const { openPostgres, createPostgresDirectory } = await loadPostgres();
  return createPostgresDirectory(
    await openPostgres(database.url, searchKeys, { claimsOf, mayCreate }),
  );
}

/**
 * The directory, and users by the thousand, for commands that run beside a server.
 *
 * @throws StoreUnavailableError if there is no such database: a new one would have no organization.
 */
export async function openTransfer(
  database: Database,
): Promise<{ readonly directory: Directory; readonly transfer: Transfer }> {
  if (database.kind === "sqlite") {
    assertExists(database.path);
    const sqlite = openSqlite(database.path, searchKeys, claimsOf);
    const { createSqliteTransfer } = await import("../store/sqlite/transfer.ts");
    return {
      directory: createSqliteDirectory(sqlite),
      transfer: createSqliteTransfer({ database: sqlite, now: wallClock }),
    };
  }
  const { openPostgres, createPostgresDirectory } = await loadPostgres();
  const { createPostgresTransfer } = await import("../store/postgres/transfer.ts");
  const postgres = await openPostgres(database.url, searchKeys, { claimsOf, mayCreate: false });
  return {
    directory: createPostgresDirectory(postgres),
    transfer: createPostgresTransfer({ database: postgres, now: wallClock }),
  };
}

/**
 * Copy the database into a file while others use it.
 *
 * @param observe Told now and then how many bytes there are, and how many there are to be.
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

/** On SQLite, the store of the one server that uses the database: a second one is refused. */
async function openStore(database: Database, observer: StoreObserver) {
  if (database.kind === "sqlite") return openSqliteStore(database.path, observer);
  const { openPostgres, createPostgresDirectory, createPostgresEventStore } = await loadPostgres();
  const { collisionsIn } = await import("../store/postgres/refold-claims.ts");
  const postgres = await openPostgres(database.url, searchKeys, { claimsOf });
  const store = createPostgresEventStore({ database: postgres, now: wallClock, observer });
  const directory = createPostgresDirectory(postgres);
  return {
    store: watchFailures(store, observer.failed),
    directory,
    collisions: await collisionsIn(postgres),
    gone: never,
    async close() {
      await store.close();
      await directory.close();
    },
  };
}

const never = new Promise<Error>(() => {});

function openSqliteStore(path: string, observer: StoreObserver) {
  const lock = path === ":memory:" ? undefined : lockDatabase(path);
  const sqlite = openLocked(path, lock);
  const watch = lock && watchPlace([...sqlite.place, ...lock.place]);
  const store = createSqliteEventStore({ database: sqlite, now: wallClock, observer });
  const directory = createSqliteDirectory(sqlite);
  return {
    store: watchFailures(store, observer.failed),
    directory,
    collisions: collisionsIn(sqlite),
    gone: watch?.gone ?? never,
    async close() {
      watch?.close();
      await store.close();
      await directory.close();
      lock?.close();
    },
  };
}

/** A database that cannot be opened keeps no lock. */
function openLocked(path: string, lock: DatabaseLock | undefined): Sqlite {
  try {
    return openSqlite(path, searchKeys, claimsOf);
  } catch (error) {
    lock?.close();
    throw error;
  }
}

/** Only when it is used: its driver costs a start on SQLite a fifth of its time. */
async function loadPostgres() {
  const [database, directory, eventStore] = await Promise.all([
    import("../store/postgres/database.ts"),
    import("../store/postgres/directory.ts"),
    import("../store/postgres/event-store.ts"),
  ]);
  return { ...database, ...directory, ...eventStore };
}

/** On every answer: it is for this caller, now, and it is what it says it is. */
const headers = {
  "cache-control": "no-store",
  expires: "0",
  pragma: "no-cache",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "none",
} as const;
