/** One metric of one process, as prom-client says it in JSON. */
export type Metric = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  /** How the values of several processes become one, as prom-client names it. */
  readonly aggregator: "sum" | "average" | "min" | "max" | "first" | "omit";
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
    /** Of a part of a histogram. */
    readonly metricName?: string;
  }[];
};

/** All metrics of one process. Survives JSON unchanged. */
export type Snapshot = readonly Metric[];

/** Of the text. */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** The text that Prometheus reads, for all processes that share a port. */
export async function textFromSnapshots(snapshots: readonly Snapshot[]): Promise<string> {
  const { AggregatorRegistry } = await loadPromClient();
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}

/**
 * What prom-client tells of the process: processor time, memory, file descriptors, collected garbage.
 * It begins to look when it is first asked.
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
  // The longest it takes, because its figures of the event loop are left out: percentiles of several
  // processes make no percentile of all, and in the first moment they are no numbers at all.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 2 ** 31 - 1 });
  return register;
}

/** prom-client leaves it out where processes are added. The oldest has seen all that was counted. */
const overrides: Readonly<Record<string, Partial<Metric>>> = {
  process_start_time_seconds: { aggregator: "min" },
};

/** When somebody asks for metrics: it would cost every start a tenth of its time. */
function loadPromClient() {
  return import("prom-client");
}
