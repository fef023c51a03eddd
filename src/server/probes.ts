import type { Readiness } from "../rpc/health.ts";
import type { EventStore } from "../store/event-store.ts";
import { expositionType, type Snapshot, textFromSnapshots } from "../telemetry/exposition.ts";
import { type Answer, jsonAnswer } from "../wire/index.ts";

/** Where the pages of `createProbes` are. */
export const probePaths = ["/debug/healthz", "/debug/ready", "/debug/metrics"] as const;

/** In milliseconds. A healthy database answers sooner, and load balancers wait longer. */
const pingTimeoutMs = 2_000;

/**
 * Pages for load balancers, service managers and Prometheus. They need no token and show no personal data.
 *
 * @param options.metrics The counts of all processes that share the port.
 */
export function createProbes(options: {
  readonly readiness: Readiness;
  readonly store: Pick<EventStore, "ping">;
  readonly metrics: () => Promise<readonly Snapshot[]>;
  /** Whether the database answers, but not for everybody. Default: never. */
  readonly isDegraded?: () => boolean;
}): ReadonlyMap<string, () => Answer | Promise<Answer>> {
  const { readiness, store, metrics, isDegraded = () => false } = options;
  const isReachable = shared(() => answersInTime(store.ping()));
  const scrape = shared(async () => Buffer.from(await textFromSnapshots(await metrics())));
  return new Map<string, () => Answer | Promise<Answer>>([
    [
      "/debug/healthz",
      () => ({ status: 200, headers: { "content-type": "text/plain" }, body: Buffer.from("ok") }),
    ],
    [
      "/debug/ready",
      async () => {
        const isReady = readiness.isReady() && (await isReachable());
        if (!isReady) return jsonAnswer(503, "unavailable");
        return jsonAnswer(200, isDegraded() ? "degraded" : "ok");
      },
    ],
    [
      "/debug/metrics",
      async () => ({
        status: 200,
        headers: { "content-type": expositionType },
        body: await scrape(),
      }),
    ],
  ]);
}

/**
 * Callers that ask while the work is in flight, or in the turn of the event loop in which it ends, share its result. So many
 * probes ask the database once, and many scrapes at once do not hold up others: each takes a millisecond.
 */
function shared<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined;
  return () => {
    running ??= work().finally(() =>
      setImmediate(() => {
        running = undefined;
      }),
    );
    return running;
  };
}

function answersInTime(ping: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, pingTimeoutMs, false);
    ping
      .then(
        () => true,
        () => false,
      )
      .then((isReachable) => {
        clearTimeout(timer);
        resolve(isReachable);
      });
  });
}
