import { parseArgs } from "node:util";
import { machine, tableOf, writeFigures } from "./report.ts";
import { runScene, type Scene, type SceneResult } from "./rounds.ts";
import { wireScenes } from "./wire.ts";

const suites: Readonly<Record<string, readonly Scene[]>> = { wire: wireScenes };

/** Some servers, ours among them, close a connection of HTTP/1.1 after 10,000 requests. */
const maxCalls = 500_000;

const usage = `usage: npm run bench -- SUITE [--rounds N] [--calls N] [--json FILE]

suites: ${Object.keys(suites).join(", ")}
  --rounds N   of every server (default 7, at most 1000)
  --calls N    in each round (default 5000, at most ${maxCalls})
  --json FILE  write every figure there, for programs
`;

/** @throws Error if it is not a whole number from 1 to `max`. */
function count(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new Error(`--${flag} takes a whole number from 1 to ${max}`);
}

function settingsFrom(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "7" },
      calls: { type: "string", default: "5000" },
      json: { type: "string" },
    },
  });
  const [suite = ""] = positionals;
  const scenes = Object.hasOwn(suites, suite) ? suites[suite] : undefined;
  if (scenes === undefined || positionals.length > 1) {
    throw new Error(`unknown suite "${positionals.join(" ")}"`);
  }
  return {
    suite,
    scenes,
    rounds: count("rounds", values.rounds, 1000),
    calls: count("calls", values.calls, maxCalls),
    file: values.json,
  };
}

async function run({ suite, scenes, rounds, calls, file }: ReturnType<typeof settingsFrom>) {
  const { node, cpu, cores, pinned } = machine();
  const place = pinned ? "server and load on a core each" : "not pinned to cores";
  process.stdout.write(`${suite}: Node ${node}, ${cores} × ${cpu}, ${place}\n`);
  process.stdout.write(`median of ${rounds} alternating rounds of ${calls} calls\n`);
  const results: SceneResult[] = [];
  for (const scene of scenes) {
    const result = await runScene(scene, rounds, calls);
    results.push(result);
    process.stdout.write(`\n${tableOf(result)}\n`);
  }
  if (file !== undefined) writeFigures(file, suite, { rounds, calls }, results);
}

let settings: ReturnType<typeof settingsFrom> | undefined;
try {
  settings = settingsFrom(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  process.exitCode = 2;
}
if (settings !== undefined) await run(settings);
