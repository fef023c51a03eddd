import { createAuthenticators } from "../access/authenticators.ts";
import { createFailedAttempts } from "../access/failed-attempts.ts";
import { createIdGenerator } from "../access/id.ts";
import { type Config, ConfigError } from "../config/config.ts";
import { errorDomain } from "../rpc/errors.ts";
import { createReadiness } from "../rpc/health.ts";
import {
  createInterceptors,
  createRequestGate,
  createRoutes,
  type RpcParts,
  restPrefix,
} from "../rpc/routes.ts";
import type { Collision } from "../store/collision.ts";
import type { Snapshot } from "../telemetry/exposition.ts";
import type { RequestRecord } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createListener, peerKey } from "../wire/index.ts";
import { bootstrap, TokenFileMissingError } from "./bootstrap.ts";
import { openStore, wallClock } from "./database.ts";
import { loadTracing, recordFromOutcome } from "./observation.ts";
import { createConsolePages } from "./pages/console-pages.ts";
import { createDocumentationPages } from "./pages/documentation-pages.ts";
import { createProbes } from "./probes.ts";

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

/** On every answer: it is for this caller, now, and it is what it says it is. */
const headers = {
  "cache-control": "no-store",
  expires: "0",
  pragma: "no-cache",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "none",
} as const;
