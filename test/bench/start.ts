import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../support/child.ts";
import { align, summarise } from "./measure/report.ts";
import { benchFolder, fill, serve } from "./server.ts";

export type StartSettings = { readonly rounds: number; readonly users: number };

/** In a process of its own: prints how long the first and the second one took, in milliseconds. */
const timeDoor = `
  const began = performance.now();
  const { createGiraffe } = await import(process.argv[1]);
  const first = await createGiraffe();
  const ready = performance.now();
  const second = await createGiraffe();
  console.log(ready - began, performance.now() - ready);
  await Promise.all([first.close(), second.close()]);
`;

/**
 * From the start of the process to `ready` on a database that exists, beside Node alone; memory when
 * idle. Of the package: from the import of `createGiraffe` until its server is ready.
 */
export async function benchStart({ rounds, users }: StartSettings): Promise<object> {
  const folder = benchFolder();
  const database = `sqlite:${join(folder, "giraffe.db")}`;
  await fill(database, folder, users);
  execFileSync("npm", ["run", "-s", "pack"], { cwd: root });
  const door = join(root, "dist", "package", "lib", "index.js");
  const figures = {
    nodeMs: [] as number[],
    readyMs: [] as number[],
    idleMiB: [] as number[],
    doorMs: [] as number[],
    furtherMs: [] as number[],
  };
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
    const said = execFileSync(
      process.execPath,
      ["--input-type=module", "--eval", timeDoor, "--", door],
      { encoding: "utf8" },
    );
    const [first, further] = said.split(" ").map(Number);
    figures.doorMs.push(Number(first));
    figures.furtherMs.push(Number(further));
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
    row("createGiraffe, from import to ready, ms", figures.doorMs),
    row("a further one, ms", figures.furtherMs),
  ];
  process.stdout.write(`\n${align(rows).join("\n")}\n`);
  return figures;
}
