import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Attack, Case } from "../mutations/attack.ts";
import { slowAttacks } from "../mutations/slow.ts";
import { certFile, collecting, type Death, startVictim, type Victim } from "../victim.ts";
import { attack, type Ending, faults } from "./connection.ts";
import type { GoodClientReport } from "./good-client.ts";
import { attacks, type Order, type ScheduleOptions, schedule, slowCases } from "./schedule.ts";

// Long because an attack is one sequence: warm up, attack, settle, report.

/** Where the attacks go to: a server without TLS and one with it. */
export const doors = ["plain", "tls"] as const satisfies readonly Attack["door"][];

/** Time for closed connections to be forgotten and memory to come back, in milliseconds. */
const settleMs = 15_000;

/** In the end memory may be so much above its level after the warm-up, in MiB. */
export const memoryTolerance = 64;

/** In the end so many more files and sockets may be open than before, because the store opens files on demand. */
export const descriptorTolerance = 8;

export type SiegeOptions = ScheduleOptions & {
  /** Requests a second. */
  readonly rate: number;
  /**
   * The part of the requests that is sent before memory is measured for the first time, from 0 to 1. As many more are
   * then sent to the server with TLS.
   */
  readonly warmUpPart: number;
  /** Connections at once. */
  readonly concurrency: number;
  /** Slow connections of each kind, all at once. */
  readonly slowSockets: number;
  /** How long the good client is measured alone, in milliseconds, after half of that as a warm-up. */
  readonly quietMs: number;
  /** Called now and then with a text for people. */
  readonly progress: (text: string) => void;
};

/** The results of one family. */
export type Tally = {
  cases: number;
  requests: number;
  answers: number;
  endings: Record<Ending, number>;
  /** Cases that showed a fault. */
  faults: string[];
};

export type SiegeReport = {
  readonly tallies: ReadonlyMap<string, Tally>;
  readonly requests: number;
  readonly seconds: number;
  /** The cases that were in flight when a server was first found dead. */
  readonly suspects: readonly string[];
  readonly servers: Readonly<Record<Attack["door"], ServerReport>>;
};

export type ServerReport = {
  readonly goodClient: GoodClientReport;
  /** MiB. */
  readonly memory: {
    readonly start: number;
    readonly warm: number;
    readonly peak: number;
    readonly end: number;
  };
  readonly descriptors: { readonly start: number; readonly end: number };
  readonly cpuSeconds: number;
  readonly wasAlive: boolean;
  readonly death: Death;
};

export type Guarded = { readonly victim: Victim; readonly client: GoodClient };
export type GoodClient = { tell(phase: string): void; stop(): Promise<GoodClientReport> };

/** Send all cases to a server without TLS and one with it, with a good client beside each. */
export async function besiege(options: SiegeOptions): Promise<SiegeReport> {
  const { progress, quietMs, seed } = options;
  const [plain, tls] = (await Promise.all(doors.map((door) => guard(door, collecting)))) as [
    Guarded,
    Guarded,
  ];
  const guarded = { plain, tls };
  const everyDoor = <Result>(read: (each: Guarded) => Result) => ({
    plain: read(plain),
    tls: read(tls),
  });
  await pause(quietMs / 2);
  everyDoor(({ client }) => client.tell("quiet"));
  await pause(quietMs);
  const start = everyDoor(({ victim }) => ({
    memory: victim.memory(),
    descriptors: victim.descriptors(),
  }));
  const peak = { plain: 0, tls: 0 };
  const sampler = setInterval(() => {
    for (const door of doors) peak[door] = Math.max(peak[door], guarded[door].victim.memory() || 0);
  }, 200);

  progress(`attacking ${plain.victim.url} and ${tls.victim.url}`);
  const startedAt = performance.now();
  everyDoor(({ client }) => client.tell("attack"));
  const army = createArmy(guarded, options);
  const slow = army.storm(slowCases(seed, options.slowSockets));
  const main = schedule(options);
  const warmUp = options.requests * options.warmUpPart;
  await army.march(main, warmUp);
  // Few of all requests are for the server with TLS: V8 would make its space for new objects larger only later.
  await army.march(schedule({ ...options, seed: `${seed}, more`, door: "tls" }), 2 * warmUp);
  await pause(Math.min(2_000, quietMs));
  // What is garbage depends on how long ago V8 has looked, and how large it makes its heap on how much there was to do.
  everyDoor(({ victim }) => victim.collect());
  await pause(1_000);
  const warm = everyDoor(({ victim }) => victim.memory());
  progress("warmed up");
  await army.march(main, warmUp + options.requests);
  await slow;
  const seconds = (performance.now() - startedAt) / 1_000;
  everyDoor(({ client }) => client.tell("after"));

  const ends = {
    plain: await settle(plain.victim, warm.plain, start.plain.descriptors),
    tls: await settle(tls.victim, warm.tls, start.tls.descriptors),
  };
  clearInterval(sampler);
  const serverReport = async (door: Attack["door"]): Promise<ServerReport> => {
    const { victim, client } = guarded[door];
    const wasAlive = victim.isAlive();
    const cpuSeconds = victim.cpuSeconds();
    const goodClient = await client.stop();
    return {
      goodClient,
      memory: {
        start: start[door].memory,
        warm: warm[door],
        peak: peak[door],
        end: ends[door].memory,
      },
      descriptors: { start: start[door].descriptors, end: ends[door].descriptors },
      cpuSeconds,
      wasAlive,
      death: await victim.stop(),
    };
  };
  const servers = { plain: await serverReport("plain"), tls: await serverReport("tls") };
  return {
    tallies: army.tallies,
    requests: army.sent(),
    seconds,
    suspects: army.suspects(),
    servers,
  };
}

/** A server, and a good client beside it. */
export async function guard(
  door: Attack["door"],
  nodeFlags: readonly string[] = [],
): Promise<Guarded> {
  const victim = await startVictim(door, nodeFlags);
  const child = fork(join(import.meta.dirname, "good-client.ts"), [
    victim.url,
    victim.token,
    certFile,
  ]);
  await messageFrom(child);
  return {
    victim,
    client: {
      tell: (phase) => void child.send(phase),
      async stop() {
        child.send("stop");
        return (await messageFrom(child)) as GoodClientReport;
      },
    },
  };
}

/** @throws Error if the child ends without a report. */
async function messageFrom(child: ChildProcess): Promise<unknown> {
  const message = once(child, "message").then(([told]) => told as unknown);
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`the good client ended with ${code}`);
  });
  return await Promise.race([message, gone]);
}

function createArmy(
  guarded: Record<Attack["door"], Guarded>,
  { rate, concurrency, progress }: SiegeOptions,
) {
  const tallies = new Map<string, Tally>(
    [...attacks, ...slowAttacks].map(({ name }) => [name, createTally()]),
  );
  const underWay = { plain: new Set<string>(), tls: new Set<string>() };
  const suspects: string[] = [];
  const startedAt = performance.now();
  let sent = 0;
  let isLost = false;

  async function run({ id, attack: { name, door } }: Order, each: Case): Promise<void> {
    const { victim } = guarded[door];
    const tally = tallies.get(name) as Tally;
    underWay[door].add(id);
    tally.cases += 1;
    tally.requests += each.requests;
    const { ending, answers } = await attack(victim.port, each);
    tally.endings[ending] += 1;
    tally.answers += answers;
    if (faults.includes(ending) && !isLost) tally.faults.push(`${id}: ${ending}`);
    if (!isLost && !victim.isAlive()) {
      isLost = true;
      suspects.push(...underWay[door]);
    }
    underWay[door].delete(id);
  }

  const caseOf = ({ attack: { door }, make }: Order) => make(guarded[door].victim.token);

  return {
    tallies,
    sent: () => sent,
    suspects: () => suspects,
    /** Start all cases at once, apart from the time that connecting takes. */
    async storm(orders: readonly Order[]): Promise<void> {
      const runs: Promise<void>[] = [];
      for (const each of orders) {
        runs.push(run(each, caseOf(each)));
        await pause(1);
      }
      await Promise.all(runs);
    },
    /** So many at once, no faster than the rate, until so many requests were sent in all. */
    async march(orders: Generator<Order, undefined, number>, until: number): Promise<void> {
      let nextReport = Math.ceil(sent / 10_000) * 10_000 || 10_000;
      let last = 0;
      const soldier = async () => {
        while (sent < until && !isLost) {
          const { value } = orders.next(last);
          if (value === undefined) return;
          const each = caseOf(value);
          last = each.requests;
          sent += last;
          if (sent >= nextReport) {
            nextReport += 10_000;
            progress(`${sent} requests`);
          }
          const dueAt = startedAt + (sent / rate) * 1_000;
          await pause(Math.max(0, dueAt - performance.now()));
          await run(value, each);
        }
      };
      await Promise.all(Array.from({ length: concurrency }, soldier));
    },
  };
}

function createTally(): Tally {
  const endings = { answered: 0, closed: 0, left: 0, unanswered: 0, accepted: 0, unreachable: 0 };
  return { cases: 0, requests: 0, answers: 0, endings, faults: [] };
}

/** Collect garbage until memory and sockets are back at their level, for `settleMs` at most. */
async function settle(victim: Victim, memory: number, descriptors: number) {
  const until = performance.now() + settleMs;
  const isBack = () =>
    victim.memory() < memory + memoryTolerance &&
    victim.descriptors() <= descriptors + descriptorTolerance;
  do {
    victim.collect();
    await pause(1_000);
  } while (performance.now() < until && victim.isAlive() && !isBack());
  return { memory: victim.memory(), descriptors: victim.descriptors() };
}
