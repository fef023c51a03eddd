import { expect, test } from "vitest";
import { addCounts, withExactSums } from "../../src/telemetry/add-counts.ts";
import type { Metric, Snapshot } from "../../src/telemetry/exposition.ts";

function seconds(value: number, type: Metric["type"] = "counter"): Snapshot {
  return [
    { name: "seconds", help: "Time.", type, aggregator: "sum", values: [{ labels: {}, value }] },
  ];
}

const sumOf = ([metric]: Snapshot) => metric?.values[0]?.value;

test("sums are the same in any order, so that none goes back when a process ends", () => {
  const [first = [], second = [], third = []] = [0.1, 0.2, 0.3].map((value) => seconds(value));
  const oneWay = addCounts(addCounts(first, second), third);
  const otherWay = addCounts(first, addCounts(second, third));
  expect(sumOf(oneWay)).not.toBe(sumOf(otherWay));
  const [a = [], b = [], c = []] = [first, second, third].map(withExactSums);
  expect(sumOf(addCounts(addCounts(a, b), c))).toBe(sumOf(addCounts(a, addCounts(b, c))));
  expect(sumOf(a)).toBeCloseTo(0.1, 6);
});

test("what may become less is not rounded", () => {
  expect(sumOf(withExactSums(seconds(0.1, "gauge")))).toBe(0.1);
});
