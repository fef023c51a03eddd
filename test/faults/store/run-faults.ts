import { parseArgs } from "node:util";
import type { Fault } from "./sqlite.ts";

const out = (line: string) => void process.stdout.write(`${line}\n`);

/**
 * Run faults as a program: each as often as its long version says, or as `--times N` does.
 * Sets the exit code.
 */
export async function runFaults(faults: readonly Fault[]): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: String(Date.now()) },
      times: { type: "string" },
      /** Only faults whose name has this text. */
      only: { type: "string", default: "" },
    },
  });
  const { seed, only } = values;
  out(`seed ${seed}`);
  const row = (...cells: (string | number)[]) =>
    out(
      cells
        .map((cell, at) => (at === 0 ? String(cell).padEnd(48) : String(cell).padStart(9)))
        .join(""),
    );
  const fail = (text: string) => {
    out(`FAILED ${text.slice(0, 1_000)}`);
    process.exitCode = 1;
  };
  const columns = ["calls", "stored", "open", "refused", "keys", "repeats", "seconds", "failures"];
  row("fault", "times", ...columns);
  for (const { name, times, run, needs } of faults.filter(({ name }) => name.includes(only))) {
    if (needs !== undefined && !(await needs.isThere())) {
      out(`${name}: left out, because ${needs.what} is not there`);
      continue;
    }
    const count = Number(values.times ?? times.long);
    try {
      const { calls, acknowledged, open, refused, keys, repeats, seconds, failures } = await run(
        seed,
        count,
      );
      const repeated = [keys, repeats, Math.round(seconds), failures.length];
      row(name, count, calls, acknowledged, open, refused, ...repeated);
      for (const failure of failures) fail(failure);
    } catch (error) {
      row(name, count, ...columns.map((column) => (column === "failures" ? 1 : "-")));
      fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }
}
