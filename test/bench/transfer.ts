import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "../support/postgres.ts";
import { align, summarise } from "./measure/report.ts";
import { benchFolder, cpuMicrosOf, giraffe, main, memoryMiBOf, writeUsers } from "./server.ts";
import { writeExport, writeLog } from "./zitadel-files.ts";

export type TransferSettings = { readonly rounds: number; readonly users: number };

/** What a command cost, as seen just before it ended. */
type Cost = { readonly seconds: number; readonly cpuMicros: number; readonly memoryMiB: number };

/**
 * Users into an empty database and out of it again, each by a command, its start and end included.
 * CPU time is the command's: PostgreSQL works in processes of its own.
 */
export async function benchTransfer({ rounds, users }: TransferSettings): Promise<object> {
  const folder = benchFolder();
  const file = join(folder, "users.ndjson");
  await writeUsers(file, users);
  const foreign = {
    "zitadel-export": join(folder, "export.json"),
    "zitadel-events": join(folder, "log"),
  };
  await writeExport(foreign["zitadel-export"], users);
  await writeLog(foreign["zitadel-events"], users);
  const postgres = await startPostgres();
  const costs = new Map<string, Cost[]>();
  const note = (name: string, cost: Cost) => costs.set(name, [...(costs.get(name) ?? []), cost]);
  try {
    for (let round = 0; round < rounds; round += 1) {
      const path = join(folder, "giraffe.db");
      const engines = {
        SQLite: async () => `sqlite:${path}`,
        PostgreSQL: () => postgres.createDatabase(),
      };
      for (const [name, create] of Object.entries(engines)) {
        const database = await create();
        await giraffe("org", "create", "Zoo", "--database", database);
        note(`import, ${name}`, await costOf("import", file, "--database", database));
        note(`export, ${name}`, await costOf("export", "--database", database));
        rmSync(path, { force: true });
        for (const [form, input] of Object.entries(foreign)) {
          const other = await create();
          await giraffe("org", "create", "Zoo", "--id", "1", "--database", other);
          const argv = ["import", "--from", form, input, "--database", other];
          note(`import --from ${form}, ${name}`, await costOf(...argv));
          rmSync(path, { force: true });
        }
      }
    }
  } finally {
    await postgres.close();
  }
  const rows = [...costs].map(([name, each]) => {
    const perSecond = summarise(each.map(({ seconds }) => users / seconds));
    const cpu = summarise(each.map(({ cpuMicros }) => cpuMicros / users));
    const memory = summarise(each.map(({ memoryMiB }) => memoryMiB));
    return [
      name,
      ...[perSecond.median, perSecond.min, perSecond.max].map((each) => rounded(each)),
      cpu.median.toFixed(1),
      rounded(memory.max),
    ];
  });
  const heads = ["", "users/s", "min", "max", "CPU µs/user", "memory at most, MiB"];
  process.stdout.write(`\n${align([heads, ...rows]).join("\n")}\n`);
  return Object.fromEntries(costs);
}

const rounded = (figure: number) => Math.round(figure).toLocaleString("en");

/** @throws Error if the command fails. */
async function costOf(...argv: string[]): Promise<Cost> {
  const nowhere = openSync("/dev/null", "w");
  const began = performance.now();
  const child = spawn(process.execPath, [main, ...argv], { stdio: ["ignore", nowhere, nowhere] });
  let isOver = false;
  const ended = once(child, "exit").then(([code]) => {
    isOver = true;
    if (code !== 0) throw new Error(`giraffe ${argv[0]} ended with ${code}`);
  });
  let cpuMicros = Number.NaN;
  let memoryMiB = Number.NaN;
  while (!isOver) {
    try {
      cpuMicros = cpuMicrosOf(Number(child.pid));
      memoryMiB = memoryMiBOf(Number(child.pid), "VmHWM") || memoryMiB;
    } catch {
      // It has ended since the last look.
    }
    await Promise.race([sleep(10), ended]);
  }
  closeSync(nowhere);
  await ended;
  return { seconds: (performance.now() - began) / 1000, cpuMicros, memoryMiB };
}
