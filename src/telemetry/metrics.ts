import { withExactSums } from "./add-counts.ts";
import { createCounter, createGauge, createHistogram, createInfo } from "./counts.ts";
import { createProcessMetrics, type Snapshot } from "./exposition.ts";
import type { RequestRecord } from "./log.ts";

/** What a server counts. Every label has at most a few dozen values, and none comes from a caller. */
export type Metrics = {
  /** A request was answered. */
  request(record: RequestRecord): void;
  /** The server has ended an HTTP/2 connection. */
  closed(reason: string): void;
  /** How late the event loop is. */
  lag(lateMs: number): void;
  readonly store: {
    waiting(changes: number): void;
    committed(batch: {
      readonly size: number;
      readonly outcome: string;
      readonly waitedMs: number;
      readonly durationMs: number;
    }): void;
    retried(reason: string): void;
    failed(operation: string, kind: string): void;
    nodes(states: readonly { readonly answers: boolean }[]): void;
  };
  /** @param load What is open and in flight now. */
  snapshot(load: { readonly connections: number; readonly calls: number }): Promise<Snapshot>;
};

/** Seconds. From a call that needs no commit to the longest deadline. */
const durationBounds = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
];
/** Seconds. Calls are refused while the loop is half a second late. */
const lagBounds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** Changes. A transaction has at most 64. */
const batchBounds = [1, 2, 4, 8, 16, 32, 64, 128];

/** What runs: shown with the value 1, so that a query can join it with other metrics. */
export type BuildInfo = {
  readonly version: string;
  readonly node: string;
  readonly engine: string;
};

/** All counts are 0 at the start. */
export function createMetrics(build: BuildInfo): Metrics {
  const info = createInfo({
    name: "giraffe_build_info",
    help: "What runs: the version of Giraffe, of Node.js, and the kind of database.",
    labels: build,
  });
  const requests = createRequestMetrics();
  const store = createStoreMetrics();
  const own = [info, ...Object.values(requests), ...Object.values(store)];
  const processMetrics = createProcessMetrics();

  return {
    request({ path = "unknown", method = path, protocol, code, status, durationMs }) {
      const result = code ?? (status < 400 ? "ok" : `http_${status}`);
      requests.total.increment(method, protocol, result);
      requests.durations.observe(durationMs / 1_000, method, protocol);
    },
    closed: (reason) => requests.closed.increment(reason),
    lag: (lateMs) => requests.lags.observe(Math.max(0, lateMs) / 1_000),
    store: {
      waiting: store.waiting.set,
      committed({ size, outcome, waitedMs, durationMs }) {
        store.batchSizes.observe(size);
        store.batchWaits.observe(waitedMs / 1_000);
        store.commits.observe(durationMs / 1_000, outcome);
      },
      retried: (reason) => store.retries.increment(reason),
      failed: (operation, kind) => store.failures.increment(operation, kind),
      nodes(states) {
        store.nodes.set(states.length);
        store.nodesDown.set(states.filter(({ answers }) => !answers).length);
      },
    },
    async snapshot(load) {
      requests.connections.set(load.connections);
      requests.calls.set(load.calls);
      return withExactSums([...own.map((each) => each.metric()), ...(await processMetrics())]);
    },
  };
}

/** What the wire does. The order is that of the text that Prometheus gets. */
function createRequestMetrics() {
  return {
    total: createCounter({
      name: "giraffe_requests_total",
      help: "Answered requests. The method of a page of the server is its path, that of any other request that is not an RPC is unknown.",
      labels: ["method", "protocol", "code"],
    }),
    durations: createHistogram({
      name: "giraffe_request_duration_seconds",
      help: "Time from the head of a request to its answer.",
      labels: ["method", "protocol"],
      bounds: durationBounds,
    }),
    connections: createGauge({ name: "giraffe_connections", help: "Open connections." }),
    closed: createCounter({
      name: "giraffe_http2_connections_closed_total",
      help: "HTTP/2 connections that the server has ended, by reason.",
      labels: ["reason"],
    }),
    calls: createGauge({ name: "giraffe_calls_in_flight", help: "Unary calls in flight." }),
    lags: createHistogram({
      name: "giraffe_event_loop_lag_seconds",
      help: "How late the event loop was, measured ten times a second.",
      bounds: lagBounds,
    }),
  };
}

/** What the store does. */
function createStoreMetrics() {
  return {
    waiting: createGauge({
      name: "giraffe_store_changes_waiting",
      help: "Changes that are queued or being committed.",
    }),
    batchSizes: createHistogram({
      name: "giraffe_store_batch_size",
      help: "Changes in one transaction.",
      bounds: batchBounds,
    }),
    batchWaits: createHistogram({
      name: "giraffe_store_batch_wait_seconds",
      help: "How long the oldest change of a transaction waited until it began.",
      bounds: durationBounds,
    }),
    commits: createHistogram({
      name: "giraffe_store_commit_duration_seconds",
      help: "Time from the beginning of a transaction until its outcome is known.",
      labels: ["outcome"],
      bounds: durationBounds,
    }),
    retries: createCounter({
      name: "giraffe_store_retries_total",
      help: "Operations that were tried again, by reason.",
      labels: ["reason"],
    }),
    failures: createCounter({
      name: "giraffe_store_errors_total",
      help: "Operations that failed in the store.",
      labels: ["operation", "kind"],
    }),
    nodes: createGauge({
      name: "giraffe_database_nodes",
      help: "Nodes of the database that hold users; 0 of a database on one machine.",
      aggregator: "max",
    }),
    nodesDown: createGauge({
      name: "giraffe_database_nodes_down",
      help: "Those of them that do not answer.",
      aggregator: "max",
    }),
  };
}
