/** One metric of one process, in the JSON of prom-client. */
export type Metric = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  /** How the values of several processes become one, as prom-client names it. */
  readonly aggregator: "sum" | "average" | "min" | "max" | "first" | "omit";
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
    /** The name of a part of a histogram, such as `…_bucket`. */
    readonly metricName?: string;
  }[];
};

/** All metrics of one process. Survives JSON unchanged. */
export type Snapshot = readonly Metric[];

/** The content type of the text. */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** The text that Prometheus reads, for all processes that share a port. */
export async function textFromSnapshots(snapshots: readonly Snapshot[]): Promise<string> {
  const { AggregatorRegistry } = await loadPromClient();
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}

/**
 * prom-client's metrics of the process: processor time, memory, file descriptors, garbage collection.
 * Nothing is measured before the first call.
 */
export function createProcessMetrics(): () => Promise<Snapshot> {
  let begun: ReturnType<typeof beginProcessMetrics> | undefined;
  return async () => {
    begun ??= beginProcessMetrics();
    const metrics = (await (await begun).getMetricsAsJSON()) as unknown as Snapshot;
    return metrics
      .filter(({ name }) => !name.startsWith("nodejs_eventloop_lag"))
      .map((metric) => ({ ...metric, ...overrides[metric.name] }));
  };
}

async function beginProcessMetrics() {
  const { collectDefaultMetrics, Registry } = await loadPromClient();
  const register = new Registry();
  // The longest interval that it accepts, because we leave out its figures of the event loop: one cannot
  // add up percentiles of several processes, and the first ones are not numbers.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 2 ** 31 - 1 });
  return register;
}

/** prom-client would leave it out of the sum over processes. We show when the oldest one started. */
const overrides: Readonly<Record<string, Partial<Metric>>> = {
  process_start_time_seconds: { aggregator: "min" },
};

/** Loaded when somebody asks for metrics, because loading takes a tenth of the time of a start. */
function loadPromClient() {
  return import("prom-client");
}
