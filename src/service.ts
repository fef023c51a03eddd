import { Code, type ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { createFailedAttempts } from "./access/failed-attempts.ts";
import { createIdGenerator } from "./access/id.ts";
import { createPersonalAccessTokenAuthenticator } from "./access/personal-access-token.ts";
import { bootstrap } from "./bootstrap.ts";
import type { Config, Database } from "./config.ts";
import { errorDomain } from "./rpc/errors.ts";
import { createReadiness, type Readiness } from "./rpc/health.ts";
import { createInterceptors, createRoutes, type RpcParts, restPrefix } from "./rpc/routes.ts";
import type { Directory } from "./store/directory.ts";
import type { EventStore, Micros } from "./store/event-store.ts";
import { openSqlite } from "./store/sqlite/database.ts";
import { createSqliteDirectory } from "./store/sqlite/directory.ts";
import { createSqliteEventStore } from "./store/sqlite/event-store.ts";
import { lockDatabase } from "./store/sqlite/lock.ts";
import type { RequestRecord } from "./telemetry/log.ts";
import { type Answer, createListener, jsonAnswer, type Outcome, peerKey } from "./wire/index.ts";

export { availableLanguages } from "./rpc/translate.ts";

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
  /** Stop accepting, let calls in flight end within `drainMs`, then close the database. */
  close(): Promise<void>;
}

/** Microseconds of the wall clock, which counts milliseconds. */
export const wallClock = (): Micros => Date.now() * 1_000;

/**
 * Put the parts together.
 *
 * @param observe Told of every request when it is answered.
 * @throws DatabaseLockedError if another server uses the database.
 * @throws StoreUnavailableError if the database cannot be opened.
 */
export async function createService(
  config: Config,
  observe: (record: RequestRecord) => void,
): Promise<Service> {
  const { database, corsOrigins, maxMessageBytes, defaultDeadlineMs, maxDeadlineMs } = config;
  const { store, directory, close: closeStore } = openStore(database);
  const newId = createIdGenerator({ now: wallClock });
  const isNew = await bootstrap(store, directory, { ...config, newId, now: wallClock }).catch(
    async (error: unknown) => {
      await closeStore();
      throw error;
    },
  );

  const readiness = createReadiness();
  const parts: RpcParts = {
    store,
    directory,
    readiness,
    newId,
    authenticators: [createPersonalAccessTokenAuthenticator(directory, { now: wallClock })],
    failures: createFailedAttempts({ now: wallClock }),
    defaultLanguage: config.defaultLanguage,
    peer: (values) => values.get(peerKey),
  };
  const listener = createListener({
    routes: createRoutes(parts),
    interceptors: createInterceptors(parts),
    restPrefix,
    limits: { maxMessageBytes, defaultDeadlineMs, maxDeadlineMs },
    cors: {
      origins: corsOrigins === "*" ? ["*"] : corsOrigins,
      requestHeaders: ["Authorization", "X-Zitadel-Orgid", "X-Requested-With"],
      answerHeaders: ["Content-Length", "Retry-After", "X-Request-Id"],
    },
    headers,
    errorDomain,
    pages: createPages(readiness, store),
    observe: (outcome) => observe(recordFromOutcome(outcome)),
  });

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
    close,
  };
}

/** The directory alone, for commands that run beside a server. */
export function openDirectory(database: Database): Directory {
  return createSqliteDirectory(openSqlite(database.path));
}

/** The store of the one server that uses the database; a second server is refused. */
function openStore(database: Database) {
  const lock = database.path === ":memory:" ? undefined : lockDatabase(database.path);
  const sqlite = openSqlite(database.path);
  const store = createSqliteEventStore({ database: sqlite, now: wallClock });
  const directory = createSqliteDirectory(sqlite);
  return {
    store,
    directory,
    async close() {
      await store.close();
      await directory.close();
      lock?.close();
    },
  };
}

/** On every answer: it is for this caller, now, and it is what it says it is. */
const headers = {
  "cache-control": "no-store",
  expires: "0",
  pragma: "no-cache",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "none",
} as const;

/** For load balancers and supervisors. Without a token and without personal data. */
function createPages(
  readiness: Readiness,
  store: EventStore,
): ReadonlyMap<string, () => Answer | Promise<Answer>> {
  return new Map<string, () => Answer | Promise<Answer>>([
    [
      "/debug/healthz",
      () => ({ status: 200, headers: { "content-type": "text/plain" }, body: Buffer.from("ok") }),
    ],
    [
      "/debug/ready",
      async () => {
        const isReady = readiness.isReady() && (await isReachable(store));
        return isReady ? jsonAnswer(200, "ok") : jsonAnswer(503, "unavailable");
      },
    ],
  ]);
}

function isReachable(store: EventStore): Promise<boolean> {
  return store.ping().then(
    () => true,
    () => false,
  );
}

function recordFromOutcome({ method, error, ...outcome }: Outcome): RequestRecord {
  return {
    requestId: outcome.requestId,
    protocol: outcome.protocol,
    method: method && `${method.parent.typeName}/${method.name}`,
    status: outcome.status,
    code: error && codeToString(error.code),
    durationMs: outcome.durationMs,
    cause: causeFrom(error),
  };
}

/** What is our fault has a cause for the log; what is the caller's has none. */
const ownFaults: readonly Code[] = [Code.Internal, Code.Unknown, Code.Unavailable, Code.DataLoss];

function causeFrom(error: ConnectError | undefined): unknown {
  return error !== undefined && ownFaults.includes(error.code) ? error.cause : undefined;
}
