import { cpus } from "node:os";
import type { Budget, Round, SceneResult } from "./rounds.ts";

/** The median of some figures, and the smallest and the largest. */
type Summary = { readonly median: number; readonly min: number; readonly max: number };

export function summarise(figures: readonly number[]): Summary {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/** CPU time as a multiple of that of another subject in the same round, when the machine was equally busy. */
function ratio({ rounds }: SceneResult, subject: string, against: string): Summary {
  const others = rounds.get(against) ?? [];
  return summarise(
    (rounds.get(subject) ?? []).map(
      ({ cpuMicrosPerCall }, index) =>
        cpuMicrosPerCall / (others[index]?.cpuMicrosPerCall ?? Number.NaN),
    ),
  );
}

/** One scene as a table for people, which says whether the budgets were kept. */
export function tableOf(result: SceneResult): string {
  const { scene, rounds } = result;
  const [first] = scene.subjects;
  const heads = ["", "CPU µs/call", "min – max", `× ${first?.name}`, "min – max", "calls/s"];
  const rows = [...rounds].map(([name, each]) => {
    const cpu = summarise(each.map(({ cpuMicrosPerCall }) => cpuMicrosPerCall));
    const speed = summarise(each.map(({ callsPerSecond }) => callsPerSecond));
    const times = ratio(result, name, first?.name ?? "");
    return [
      name,
      cpu.median.toFixed(1),
      `${cpu.min.toFixed(1)} – ${cpu.max.toFixed(1)}`,
      times.median.toFixed(2),
      `${times.min.toFixed(2)} – ${times.max.toFixed(2)}`,
      Math.round(speed.median).toLocaleString("en"),
    ];
  });
  const verdicts = scene.budgets.map((budget) => `  ${verdictOf(result, budget).text}`);
  return [scene.title, ...align([heads, ...rows]), ...verdicts].join("\n");
}

function verdictOf(result: SceneResult, budget: Budget): { text: string; isMet: boolean } {
  const { subject, against, atMost, isAim } = budget;
  const { median } = ratio(result, subject, against);
  const isMet = median <= atMost;
  const outcome = isMet ? "met" : "MISSED";
  const kind = isAim ? "aim" : "budget";
  const text = `${kind}: ${subject} ≤ ${atMost} × ${against}: ${outcome} (${median.toFixed(2)})`;
  return { text, isMet };
}

/** Columns of equal width: the first to the left, figures to the right. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `  ${cells.join("  ")}`;
  });
}

/** The machine. Figures of different runs can only be compared if it is the same. */
export function machine() {
  const models = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    cpu: models[0]?.model ?? "unknown",
    cores: models.length,
  };
}

/** Every figure of some scenes, for programs. */
export function figuresOf(results: readonly SceneResult[]): object {
  return results.map((result) => ({
    title: result.scene.title,
    rounds: Object.fromEntries(result.rounds) as Record<string, readonly Round[]>,
    budgets: result.scene.budgets.map((budget) => ({
      ...budget,
      ratio: ratio(result, budget.subject, budget.against),
      met: verdictOf(result, budget).isMet,
    })),
  }));
}
