/**
 * Sends mutated requests and openings to a real server and reports what happened.
 *
 *     npm run faults -- wire --requests 200000 --seed 1 --rate 1000
 *
 * Ends with 1 if the server died or was at fault, if a good client beside the attack saw an error or
 * a p99 beyond five times its quiet one, or if memory did not come back. Then come floods, one by one,
 * at a server with a heap of 512 MB: `--floods` alone sends only these. First of all h2spec checks the rules of
 * HTTP/2: `--h2spec` alone does only that.
 *
 * Attacker and good client run on the same machine and take CPU time from the server. So that the figures
 * show the attack and not the scheduler, the attacker has a lower priority, and its rate leaves the server
 * some of its core. Both are printed.
 */

import { setPriority } from "node:os";
import { parseArgs } from "node:util";
import type { Death } from "../victim.ts";
import { floods } from "./floods.ts";
import { h2specFailures } from "./h2spec.ts";
import { type FloodReport, flood, growthTolerance, politeMs } from "./run-flood.ts";
import { besiege, descriptorTolerance, doors, memoryTolerance, type SiegeReport } from "./siege.ts";

/** As the scheduler of Linux counts: 0 is usual, 19 the lowest. */
const attackerNiceness = 10;

/** The p99 of the good client may grow by this factor during the attack. */
const latencyTolerance = 5;

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "200000" },
    seed: { type: "string", default: String(Date.now()) },
    rate: { type: "string", default: "1000" },
    floods: { type: "boolean", default: false },
    h2spec: { type: "boolean", default: false },
  },
});
const out = (line: string) => void process.stdout.write(`${line}\n`);

const isAll = !values.floods && !values.h2spec;
const failures = [
  ...(isAll || values.h2spec ? await h2specFailures(out) : []),
  ...(isAll ? await siegeFailures() : []),
  ...(isAll || values.floods ? await floodFailures() : []),
];
for (const failure of failures) out(`FAILED ${failure.slice(0, 1_000)}`);
out(failures.length === 0 ? "uncrashed" : `${failures.length} failures; seed ${values.seed}`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function siegeFailures(): Promise<string[]> {
  out(`seed ${values.seed}, rate ${values.rate}, attacker at niceness ${attackerNiceness}`);
  // Only now, because a process that was started before keeps its own priority.
  setTimeout(() => setPriority(attackerNiceness), 5_000);
  const report = await besiege({
    seed: values.seed,
    requests: Number(values.requests),
    rate: Number(values.rate),
    warmUpPart: 0.2,
    concurrency: 128,
    floodFrames: 20_000,
    slowSockets: 290,
    quietMs: 10_000,
    progress: out,
  });
  print(report);
  return failuresOf(report);
}

async function floodFailures(): Promise<string[]> {
  const { reports, deaths } = await flood(floods, { holdMs: 10_000, settleMs: 15_000 });
  const row = (name: string, ...cells: (string | number)[]) =>
    out(name.padEnd(60) + cells.map((cell) => String(cell).padStart(9)).join(""));
  row("flood", "before", "peak", "after", "slowest");
  for (const { flood: each, memory, slowestMs } of reports) {
    const { before, peak, after } = memory;
    row(each.name, ...[before, peak, after, slowestMs].map(Math.round));
  }
  return [...reports.flatMap(floodFaults), ...deaths.flatMap(faultsOfDeath)];
}

function faultsOfDeath({ exit, faultLines, strangeLines }: Death): string[] {
  const isSound = exit === 0 && faultLines.length === 0;
  return [
    ...(isSound ? [] : [`floods: exit ${exit} ${faultLines[0] ?? ""}`]),
    ...strangeLines.slice(0, 20).map((line) => `floods: on stderr: ${line}`),
  ];
}

function floodFaults(report: FloodReport): string[] {
  const { flood: each, memory, slowestMs, errors, slow, wasAlive } = report;
  const grown = Math.round(memory.after - memory.before);
  return [
    ...(wasAlive ? [] : ["the server died"]),
    ...(grown < growthTolerance ? [] : [`memory has grown by ${grown} MiB`]),
    ...(slowestMs < politeMs
      ? []
      : [`a good client waited ${Math.round(slowestMs)} ms: ${slow.join(", ")}`]),
    ...errors.slice(0, 20).map((error) => `good client: ${error}`),
  ].map((text) => `${each.name} (${each.aimsAt}): ${text}`);
}

function print({ tallies, requests, seconds, servers }: SiegeReport): void {
  const row = (...cells: (string | number)[]) =>
    out(
      cells
        .map((cell, at) => (at === 0 ? String(cell).padEnd(76) : String(cell).padStart(9)))
        .join(""),
    );
  row("family", "cases", "requests", "answers", "closed", "left", "faults");
  for (const [name, { cases, requests: count, answers, endings, faults }] of tallies) {
    row(name, cases, count, answers, endings.closed, endings.left, faults.length);
  }
  out(`${requests} requests and openings in ${seconds.toFixed(1)} s`);
  for (const door of doors) {
    const { goodClient, memory, descriptors, cpuSeconds, death } = servers[door];
    out(`${door}:`);
    for (const [phase, { latencies, errors }] of Object.entries(goodClient)) {
      const p = (part: number) => quantile(latencies, part).toFixed(1);
      out(
        `  good client, ${phase}: ${latencies.length} calls, ${errors.length} errors, p50 ${p(0.5)} p99 ${p(0.99)} max ${p(1)} ms`,
      );
    }
    const mib = (value: number) => `${Math.round(value)} MiB`;
    out(
      `  memory: start ${mib(memory.start)}, warm ${mib(memory.warm)}, peak ${mib(memory.peak)}, end ${mib(memory.end)}`,
    );
    out(
      `  descriptors: ${descriptors.start} to ${descriptors.end}; CPU ${cpuSeconds.toFixed(0)} s; exit ${death.exit}`,
    );
    out(`  logged: ${[...death.requests].map(([kind, count]) => `${kind} ${count}`).join(", ")}`);
  }
}

function failuresOf({ tallies, suspects, servers }: SiegeReport): string[] {
  const failures = [...tallies.values()].flatMap(({ faults }) => faults);
  for (const suspect of suspects) failures.push(`under way when the server died: ${suspect}`);
  for (const door of doors) {
    const { goodClient, memory, descriptors, wasAlive, death } = servers[door];
    const check = (isGood: boolean, text: string) => {
      if (!isGood) failures.push(`${door}: ${text}`);
    };
    check(wasAlive && death.exit === 0, `exit ${death.exit}`);
    for (const line of death.strangeLines.slice(0, 20)) check(false, `on stderr: ${line}`);
    for (const line of death.faultLines.slice(0, 20)) check(false, `logged: ${line}`);
    for (const { errors } of Object.values(goodClient)) {
      for (const error of errors.slice(0, 20)) check(false, `good client: ${error}`);
    }
    const p99 = (phase: string) => quantile(goodClient[phase]?.latencies ?? [], 0.99);
    check(
      p99("attack") <= latencyTolerance * p99("quiet"),
      `p99 ${p99("attack").toFixed(1)} ms against ${p99("quiet").toFixed(1)} ms`,
    );
    check(
      memory.end <= memory.warm + memoryTolerance,
      `memory ${memory.warm} to ${memory.end} MiB`,
    );
    check(
      descriptors.end <= descriptors.start + descriptorTolerance,
      `descriptors ${descriptors.start} to ${descriptors.end}`,
    );
  }
  return failures;
}

/** @param sorted Ascending. */
function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
