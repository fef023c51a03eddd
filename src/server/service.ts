import { createAuthenticators } from "../access/authenticators.ts";
import { createFailedAttempts } from "../access/failed-attempts.ts";
import { createIdGenerator } from "../access/id.ts";
import { type Config, ConfigError } from "../config/config.ts";
import { releaseVersion } from "../config/version.ts";
import { createReadiness } from "../rpc/health.ts";
import type { RpcParts } from "../rpc/routes.ts";
import type { Collision } from "../store/collision.ts";
import type { Micros } from "../store/event-store.ts";
import type { StoreObserver, UpgradeProgress } from "../store/observer.ts";
import type { Snapshot } from "../telemetry/exposition.ts";
import type { RequestRecord } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import {
  addressGroup,
  type ClosedConnection,
  createListener,
  type Listener,
  peerKey,
  requestIdKey,
  waiterKey,
} from "../wire/index.ts";
import { beginning } from "./beginning.ts";
import { type bootstrap, TokenFileMissingError } from "./bootstrap.ts";
import { closedIfFails, type OpenStore, openStore, wallClock } from "./database.ts";
import { listenError } from "./listen-error.ts";
import { createNodeWatch, type NodeWatch } from "./node-watch.ts";
import { countedBy, loadTracing } from "./observation.ts";
import { createConsolePages } from "./pages/console-pages.ts";
import { createDocumentationPages } from "./pages/documentation-pages.ts";
import { createProbes } from "./probes.ts";
import { createTestActions } from "./test-actions.ts";
import { wireOptions } from "./wire-options.ts";

/** A server: its store, its methods, its pages and its port. */
export interface Service {
  /** Whether the database was empty, so that a first token was written. */
  readonly isNew: boolean;
  /**
   * @returns Where it listens, such as `http://127.0.0.1:8080`.
   * @throws Error if the address or the TLS files cannot be used. The service is closed then.
   */
  listen(): Promise<string>;
  /** @throws Error if the TLS files cannot be used; the old ones stay. */
  reloadTls(): void;
  /** What this process has counted. */
  metrics(): Promise<Snapshot>;
  /** What runs, for the log: the engine and the schema, as in `OpenStore`. */
  readonly database: Pick<OpenStore, "engine" | "schemaVersion">;
  /** As in `OpenStore`. */
  readonly collisions: readonly Collision[];
  /** As in `OpenStore`. */
  readonly gone: Promise<Error>;
  /** As in `OpenStore`. */
  readonly failed: Promise<Error>;
  /** As in `NodeWatch`. */
  readonly onNodes: NodeWatch["onChange"];
  /** Puts everything back to how the server began; `undefined` unless it was asked for. */
  readonly reset: (() => void) | undefined;
  /** Stop accepting, let calls in flight end within `drainMs`, then close the database. */
  close(): Promise<void>;
}

/**
 * Open the database and put the parts of a server together. It does not listen yet.
 *
 * @param observe Called for every request when it is answered.
 * @param options.observeClose Called for every HTTP/2 connection that the server ends.
 * @param options.begin Sets up an empty database. Default: `bootstrap`.
 * @param options.allMetrics The counts of all processes that share the port. Default: there is only this process.
 * @param options.now The clock of changes and tokens. Default: the wall clock.
 * @param options.canReset Whether `reset` is wanted. Needs a database in memory. Default: with `--test`.
 * @param options.upgrading Hears of an upgrade of the database that takes long.
 * @param options.maxLagMs As in `WireOptions`.
 * @throws DatabaseLockedError if another server uses the database.
 * @throws StoreUnavailableError if the database cannot be opened.
 * @throws UnsafeServerError if PostgreSQL may lose what it acknowledges.
 * @throws ConfigError if the database is empty and there is no place for its first token.
 */
export async function createService(
  config: Config,
  observe: (record: RequestRecord) => void,
  options: ServiceOptions = {},
): Promise<Service> {
  const metrics = createMetrics({
    version: releaseVersion(),
    node: process.versions.node,
    engine: config.database.kind,
  });
  const nodes = createNodeWatch();
  const observer = withNodeWatch(metrics.store, nodes);
  const opened = await openStore(config.database, observer, options.now, options.upgrading);
  return closedIfFails(opened.close, () =>
    serviceOn(opened, config, { ...options, metrics, nodes, observe }),
  );
}

type ServiceOptions = {
  readonly observeClose?: (closed: ClosedConnection) => void;
  readonly begin?: typeof bootstrap;
  readonly allMetrics?: (() => Promise<readonly Snapshot[]>) | undefined;
  readonly maxLagMs?: number;
  readonly now?: () => Micros;
  readonly canReset?: boolean;
  readonly upgrading?: UpgradeProgress;
};

type Observation = {
  readonly metrics: Metrics;
  readonly nodes: NodeWatch;
  readonly observe: (record: RequestRecord) => void;
};

/** Put the parts of a server together. If that fails, the database is left open. */
async function serviceOn(
  opened: OpenStore,
  config: Config,
  options: ServiceOptions & Observation,
): Promise<Service> {
  const { metrics, nodes, observe, observeClose, allMetrics, maxLagMs } = options;
  const { begin = beginning(config), now = wallClock, canReset = config.test } = options;
  const newId = createIdGenerator({ now: wallClock });
  const isNew = await beginStore(begin, opened, { ...config, newId, now });
  const reset = canReset ? await opened.snapshot?.() : undefined;

  const readiness = createReadiness();
  opened.gone.then(() => readiness.set(false));
  const parts = await createParts(config, opened, { newId, now, readiness });
  const snapshot = () => metrics.snapshot(listener.load());
  const listener = createListener({
    ...wireOptions(config, parts),
    pages: new Map([
      ...createConsolePages(config.consoleSignIn),
      ...createDocumentationPages(),
      ...createProbes({
        readiness,
        store: opened.store,
        metrics: allMetrics ?? (async () => [await snapshot()]),
        isDegraded: nodes.isDegraded,
      }),
    ]),
    actions: config.test && reset !== undefined ? createTestActions(reset) : undefined,
    ...countedBy(metrics, observe, observeClose),
    maxLagMs,
    trace: await loadTracing(),
  });

  async function close(): Promise<void> {
    readiness.set(false);
    await listener.close(config.drainMs);
    await opened.close();
  }

  return {
    isNew,
    reset,
    listen: () =>
      closedIfFails(close, async () => {
        const url = await listenAt(listener, config);
        readiness.set(true);
        return url;
      }),
    reloadTls: () => listener.reloadTls(),
    metrics: snapshot,
    database: opened,
    collisions: opened.collisions,
    gone: opened.gone,
    failed: opened.failed,
    onNodes: nodes.onChange,
    close,
  };
}

/**
 * Run `begin` on the store.
 *
 * @returns Whether the database was empty.
 * @throws ConfigError if it was, and there is no place for its first token.
 */
async function beginStore(
  begin: typeof bootstrap,
  { store, directory }: OpenStore,
  options: Parameters<typeof bootstrap>[2],
): Promise<boolean> {
  try {
    return await begin(store, directory, options);
  } catch (error) {
    if (!(error instanceof TokenFileMissingError)) throw error;
    throw new ConfigError([
      "--admin-token-file is missing: the database is empty, and its first token needs a place; give the path of a file",
    ]);
  }
}

/** The observer of the store, which also tells the watch what it has seen of the nodes. */
function withNodeWatch(observer: Metrics["store"], nodes: NodeWatch): StoreObserver {
  return {
    ...observer,
    nodes(states) {
      observer.nodes(states);
      nodes.saw(states);
    },
  };
}

/** What the handlers and the gate work with. */
async function createParts(
  config: Config,
  { store, directory }: OpenStore,
  { newId, now, readiness }: Pick<RpcParts, "newId" | "now" | "readiness">,
): Promise<RpcParts> {
  return {
    store,
    directory,
    readiness,
    newId,
    now,
    authenticators: await createAuthenticators({ ...config, directory, store, now }),
    failures: createFailedAttempts({ now: wallClock, groupOf: addressGroup }),
    defaultLanguage: config.defaultLanguage,
    deprecationHeaders: config.deprecationHeaders,
    requiresIfMatch: config.requireIfMatch,
    peer: (values) => values.get(peerKey),
    requestId: (values) => values.get(requestIdKey),
    waiter: (values) => values.get(waiterKey),
  };
}

/** @returns The URL of the server, with the port that it got. */
async function listenAt(listener: Listener, { listen, tls }: Config): Promise<string> {
  const { address, family, port } = await listener
    .listen({ ...listen, tls })
    .catch((error: unknown) => {
      throw listenError(error, listen);
    });
  const host = family === "IPv6" ? `[${address}]` : address;
  return `${tls === undefined ? "http" : "https"}://${host}:${port}`;
}
