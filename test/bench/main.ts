import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchExtras } from "./extras.ts";
import { machine } from "./measure/report.ts";
import { benchRefused } from "./refused.ts";
import { benchSearch } from "./search.ts";
import { benchService } from "./service.ts";
import { benchStart } from "./start.ts";
import { benchStore } from "./store.ts";
import { benchTransfer } from "./transfer.ts";
import { benchWire } from "./wire.ts";

type Settings = { readonly rounds: number; readonly calls: number; readonly users: number };

/** Runs a suite: prints its tables and returns every figure. */
type Suite = (settings: Settings) => Promise<object>;

const suites: Readonly<Record<string, Suite>> = {
  wire: benchWire,
  store: benchStore,
  service: benchService,
  refused: benchRefused,
  extras: benchExtras,
  start: benchStart,
  transfer: benchTransfer,
  search: benchSearch,
};

/** Where it is not the default. */
const usersOf: Readonly<Record<string, string>> = { search: "1000000" };

/** Some servers, ours among them, close a connection of HTTP/1.1 after 10,000 requests. */
const maxCalls = 500_000;
const maxUsers = 100_000_000;

const usage = `usage: npm run bench -- SUITE [--rounds N] [--calls N] [--users N] [--json FILE]

suites: ${Object.keys(suites).join(", ")}
  --rounds N   of everything (default 7, at most 1000)
  --calls N    in each round (default 20000: fewer see one collection of the heap or none; at most ${maxCalls})
  --users N    in the database (default 10000, of search 1000000; of store, in the large one)
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
      calls: { type: "string", default: "20000" },
      users: { type: "string" },
      json: { type: "string" },
    },
  });
  const [suite = ""] = positionals;
  const bench = Object.hasOwn(suites, suite) ? suites[suite] : undefined;
  if (bench === undefined || positionals.length > 1) {
    throw new Error(`unknown suite "${positionals.join(" ")}"`);
  }
  const { users = usersOf[suite] ?? "10000" } = values;
  return {
    suite,
    bench,
    rounds: count("rounds", values.rounds, 1000),
    calls: count("calls", values.calls, maxCalls),
    users: count("users", users, maxUsers),
    file: values.json,
  };
}

async function run({ suite, bench, file, ...settings }: ReturnType<typeof settingsFrom>) {
  const { node, cpu, cores } = machine();
  process.stdout.write(`${suite}: Node ${node}, ${cores} × ${cpu}\n`);
  process.stdout.write(
    `median of ${settings.rounds} alternating rounds of ${settings.calls} calls\n`,
  );
  const figures = await bench(settings);
  if (file === undefined) return;
  const document = { suite, ...machine(), ...settings, figures };
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
}

let settings: ReturnType<typeof settingsFrom> | undefined;
try {
  settings = settingsFrom(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  process.exitCode = 2;
}
if (settings !== undefined) await run(settings);
