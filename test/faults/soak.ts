/**
 * Full load on a server for minutes, every call a change of a profile:
 *
 *     npm run faults -- soak --minutes 10
 *
 * Ends with 1 if throughput, p99 or resident memory of the last minute is more than 10 % worse than
 * that of the second, or if a call failed. The first minute is for warming up.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { MinuteOfLoad } from "./soak-client.ts";
import { startVictim } from "./victim.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const minutes = Number(values.minutes);
if (!(minutes >= 3)) throw new Error("--minutes takes 3 or more: the first is not compared");
const tolerance = 1.1;
const minuteMs = 60_000;
const sampleMs = 500;

type Minute = MinuteOfLoad & { readonly memory: number; readonly cpuSeconds: number };

const out = (line: string) => void process.stdout.write(`${line}\n`);
const victim = await startVictim("plain");
const client = fork(join(import.meta.dirname, "soak-client.ts"), [victim.url, victim.token]);
await once(client, "message");

const measured: Minute[] = [];
out("minute   calls/s   p50 ms   p99 ms   memory MiB   CPU s   errors");
for (let minute = 1; minute <= minutes && victim.isAlive(); minute += 1) {
  const until = performance.now() + minuteMs;
  const cpuBefore = victim.cpuSeconds();
  const samples: number[] = [];
  while (performance.now() < until) {
    await pause(sampleMs);
    samples.push(victim.memory());
  }
  client.send("report");
  const [load] = (await once(client, "message")) as [MinuteOfLoad];
  const memory = samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
  const cpuSeconds = victim.cpuSeconds() - cpuBefore;
  measured.push({ ...load, memory, cpuSeconds });
  out(
    [
      String(minute).padStart(6),
      load.perSecond.toFixed(0).padStart(10),
      load.p50Ms.toFixed(1).padStart(9),
      load.p99Ms.toFixed(1).padStart(9),
      memory.toFixed(0).padStart(13),
      cpuSeconds.toFixed(0).padStart(8),
      String(load.errors.length).padStart(9),
    ].join(""),
  );
}
client.send("stop");
await once(client, "exit");
const death = await victim.stop();

const failures = measured.flatMap(({ errors }) => errors.slice(0, 5));
const [, second] = measured;
const last = measured.at(-1);
const check = (holds: boolean, text: string) => {
  if (!holds) failures.push(text);
};
check(measured.length === minutes && death.exit === 0, `the server ended with ${death.exit}`);
for (const line of [...death.strangeLines, ...death.faultLines].slice(0, 5)) failures.push(line);
if (second !== undefined && last !== undefined) {
  const compare = (name: "perSecond" | "p99Ms" | "memory", ratio: number) =>
    check(ratio <= tolerance, `${name} went from ${second[name]} to ${last[name]}`);
  compare("perSecond", second.perSecond / last.perSecond);
  compare("p99Ms", last.p99Ms / second.p99Ms);
  compare("memory", last.memory / second.memory);
}
for (const failure of failures) out(`FAILED ${failure}`);
out(failures.length === 0 ? "steady" : "not steady");
process.exitCode = failures.length === 0 ? 0 : 1;
