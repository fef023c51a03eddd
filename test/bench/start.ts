import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { align, summarise } from "./report.ts";
import { benchFolder, fill, serve } from "./server.ts";

export type StartSettings = { readonly rounds: number; readonly users: number };

/** From the start of the process to `ready` on a database that exists, beside Node alone; memory when idle. */
export async function benchStart({ rounds, users }: StartSettings): Promise<object> {
  const folder = benchFolder();
  const database = `sqlite:${join(folder, "giraffe.db")}`;
  await fill(database, folder, users);
  const figures = { nodeMs: [] as number[], readyMs: [] as number[], idleMiB: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    let began = performance.now();
    await once(spawn(process.execPath, ["--eval", ""]), "exit");
    figures.nodeMs.push(performance.now() - began);
    began = performance.now();
    const server = await serve(database, folder);
    figures.readyMs.push(performance.now() - began);
    await sleep(500);
    figures.idleMiB.push(server.memoryMiB());
    await server.stop();
  }
  const row = (name: string, each: readonly number[]) => {
    const { median, min, max } = summarise(each);
    return [name, median.toFixed(0), `${min.toFixed(0)} – ${max.toFixed(0)}`];
  };
  const rows = [
    ["", "median", "min – max"],
    row("node --eval '', ms", figures.nodeMs),
    row("serve until ready, ms", figures.readyMs),
    row("resident memory idle, MiB", figures.idleMiB),
  ];
  process.stdout.write(`\n${align(rows).join("\n")}\n`);
  return figures;
}
