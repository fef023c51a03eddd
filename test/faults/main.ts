/**
 * The long versions of the fault tests, by name or all one after another:
 *
 *     npm run faults -- sqlite --seed 1
 *
 * Each prints what it did and what it found; the exit code is 0 only if every promise was kept.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** Programs below this folder, which do one kind of harm each. */
const programs: Readonly<Record<string, string>> = {
  wire: "wire/uncrashable.ts",
  simulation: "run-simulation.ts",
  sqlite: "store/run-sqlite.ts",
  postgres: "store/run-postgres.ts",
  linearizable: "linear/run-linearizable.ts",
  soak: "soak.ts",
};

const [name, ...args] = process.argv.slice(2);
const isNamed = name !== undefined && !name.startsWith("-");
const wanted = isNamed ? [name] : Object.keys(programs);

if (wanted.some((each) => !Object.hasOwn(programs, each)) || (!isNamed && name !== undefined)) {
  process.stderr.write(`usage: npm run faults -- [${Object.keys(programs).join("|")}] [options]\n`);
  process.exit(2);
}

const failed: string[] = [];
for (const each of wanted) {
  process.stdout.write(`== ${each}\n`);
  const file = join(import.meta.dirname, programs[each] as string);
  const child = spawn(process.execPath, [file, ...args], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) failed.push(each);
}
process.stdout.write(failed.length === 0 ? "all kept\n" : `broken: ${failed.join(", ")}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
