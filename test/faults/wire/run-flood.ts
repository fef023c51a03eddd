import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { collecting, type Death } from "../victim.ts";
import { type Flood, warmUps } from "./floods.ts";
import { doors, guard } from "./siege.ts";

/** The effect of a flood. Memory in MiB. */
export type FloodReport = {
  readonly flood: Flood;
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
  /** The longest latency of the good client beside it, in milliseconds. */
  readonly slowestMs: number;
  readonly errors: readonly string[];
  /** As in `GoodClientReport`. */
  readonly slow: readonly string[];
  readonly wasAlive: boolean;
};

/** Resident memory may have grown by so much when a flood is over, in MiB. */
export const growthTolerance = 64;

/** The good client must be answered within this time during a flood, in milliseconds. */
export const politeMs = 1_000;

/**
 * Send each flood to a server with a heap of 512 MB, with a good client on another address beside it. There is one
 * server for each door.
 *
 * @param holdMs How long each lasts.
 * @param settleMs How long memory may take to come back.
 * @param observe Called with the report of each flood as soon as it is over.
 */
export async function flood(
  chosen: readonly Flood[],
  times: FloodTimes,
  observe: (report: FloodReport) => void = () => undefined,
): Promise<{ reports: FloodReport[]; deaths: Death[] }> {
  const reports: FloodReport[] = [];
  const deaths: Death[] = [];
  for (const door of doors) {
    const here = chosen.filter((each) => (each.door ?? "plain") === door);
    if (here.length === 0) continue;
    const result = await floodDoor(door, here, times, observe);
    reports.push(...result.reports);
    deaths.push(result.death);
  }
  return { reports, deaths };
}

type FloodTimes = { readonly holdMs: number; readonly settleMs: number };

async function floodDoor(
  door: (typeof doors)[number],
  chosen: readonly Flood[],
  { holdMs, settleMs }: FloodTimes,
  observe: (report: FloodReport) => void,
): Promise<{ reports: FloodReport[]; death: Death }> {
  const { victim, client } = await guard(door, ["--max-old-space-size=512", ...collecting]);
  client.tell("quiet");
  await hold(warmUps[door], victim.port, holdMs);
  await pause(holdMs / 2);
  victim.collect();
  await pause(1_000);
  const runs: Omit<FloodReport, "slowestMs" | "errors" | "slow">[] = [];
  const reports: FloodReport[] = [];
  for (const each of chosen) {
    const before = victim.memory();
    let peak = before;
    const sampler = setInterval(() => {
      peak = Math.max(peak, victim.memory() || 0);
    }, 50);
    client.tell(each.name);
    await hold(each, victim.port, holdMs);
    // To collect garbage takes the server a tenth of a second, which is not the flood's doing.
    client.tell(settling(each));
    const until = performance.now() + settleMs;
    do {
      victim.collect();
      await pause(1_000);
    } while (performance.now() < until && victim.memory() > before + growthTolerance / 2);
    clearInterval(sampler);
    const memory = { before, peak, after: victim.memory() };
    const run = { flood: each, memory, wasAlive: victim.isAlive() };
    runs.push(run);
    observe({ ...run, slowestMs: Number.NaN, errors: [], slow: [] });
    if (!run.wasAlive) break;
  }
  const goodClient = await client.stop();
  for (const run of runs) {
    const { latencies = [], errors = [], slow = [] } = goodClient[run.flood.name] ?? {};
    const later = goodClient[settling(run.flood)]?.errors ?? [];
    const slowestMs = latencies.at(-1) ?? Number.NaN;
    reports.push({ ...run, slowestMs, errors: [...errors, ...later], slow });
  }
  return { reports, death: await victim.stop() };
}

/** The phase of the good client after a flood. */
const settling = ({ name }: Flood) => `${name}, and then`;

async function hold(
  each: Omit<Flood, "name" | "aimsAt">,
  port: number,
  holdMs: number,
): Promise<void> {
  const open = new Set<Socket>();
  const until = performance.now() + holdMs;
  // Making the bytes takes longer than sending them, so those that are the same for all are made once.
  const same = each.send.length === 0 ? each.send(0) : undefined;
  const start = async (index: number): Promise<void> => {
    const localAddress = `127.0.${1 + Math.floor((index % each.addresses) / 200)}.${10 + ((index % each.addresses) % 200)}`;
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    open.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => open.delete(socket));
    if (each.isRead) socket.resume();
    await Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => undefined);
    socket.write(same ?? each.send(index));
    if (!each.isChurn) return;
    await once(socket, "data").catch(() => undefined);
    socket.destroy();
    if (performance.now() < until) await start(index);
  };
  const starting: Promise<void>[] = [];
  for (let index = 0; index < each.connections; index += 1) {
    starting.push(start(index));
    if (index % 20 === 19) await pause(1);
  }
  if (each.later !== undefined) {
    await Promise.all(starting);
    for (const socket of open) socket.write(each.later);
  }
  await pause(Math.max(0, until - performance.now()));
  for (const socket of open) socket.destroy();
  await Promise.race([Promise.all(starting), pause(1_000)]);
}
