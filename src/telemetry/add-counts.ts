import type { Metric, Snapshot } from "./exposition.ts";

/** What only grows while a process lives. Gauges of a process that has ended say nothing any more. */
const growing: readonly Metric["type"][] = ["counter", "histogram"];

/** Seconds are counted to about a microsecond: to a power of two, because sums of such fractions are exact. */
const fractions = 2 ** 20;

/**
 * Round what only grows, so that sums over processes are the same in any order. The order changes when a process ends, and a
 * sum that is less than before, if only by an error of rounding, looks to Prometheus as if it had begun again.
 */
export function withExactSums(snapshot: Snapshot): Snapshot {
  return snapshot.map((metric) => {
    if (!growing.includes(metric.type)) return metric;
    const values = metric.values.map((each) => ({ ...each, value: rounded(each.value) }));
    return { ...metric, values };
  });
}

const rounded = (value: number): number => Math.round(value * fractions) / fractions;

/**
 * Add what a process had counted when it ended to what others before it had counted. The sum has no more
 * entries than one process has, however many processes end.
 *
 * @returns Counters and histograms only.
 */
export function addCounts(sum: Snapshot, ended: Snapshot): Snapshot {
  const names = new Set([...sum, ...ended].map(({ name }) => name));
  return [...names].flatMap((name) => {
    const metrics = [sum, ended].flatMap((each) => each.filter((metric) => metric.name === name));
    const [first] = metrics;
    if (first === undefined || !growing.includes(first.type)) return [];
    return [{ ...first, values: addValues(metrics.flatMap(({ values }) => values)) }];
  });
}

function addValues(values: Metric["values"]): Metric["values"] {
  const sums = new Map<string, Metric["values"][number]>();
  for (const each of values) {
    const key = JSON.stringify([each.metricName, Object.entries(each.labels).sort()]);
    sums.set(key, { ...each, value: (sums.get(key)?.value ?? 0) + each.value });
  }
  return [...sums.values()];
}
