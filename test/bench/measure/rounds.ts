import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { LoadCall, Order, Report } from "./load.ts";

/** Servers that answer the same calls, to be compared with the first. */
export type Scene = {
  readonly title: string;
  readonly call: LoadCall;
  /** @throws Error if it is not the body of the answer that every subject must give. */
  readonly checkAnswer: (body: Uint8Array) => void;
  readonly subjects: readonly Subject[];
  readonly budgets: readonly Budget[];
};

export type Subject = {
  readonly name: string;
  /** Of `subject.ts`. */
  readonly args: readonly string[];
};

/** The CPU time that a subject may take, as a multiple of that of another. */
export type Budget = {
  readonly subject: string;
  readonly against: string;
  readonly atMost: number;
  /** A factor that is aimed at but not promised. */
  readonly isAim: boolean;
};

export type Round = {
  /** CPU time of the server process, all its threads and the kernel's work for it included. */
  readonly cpuMicrosPerCall: number;
  readonly callsPerSecond: number;
};

export type SceneResult = {
  readonly scene: Scene;
  /** By name of the subject, one entry for each round. */
  readonly rounds: ReadonlyMap<string, readonly Round[]>;
};

/** Calls before the first round. After so many, the code of every subject is optimised. */
const warmUpCalls = 20_000;

/** Calls before each round, on new connections, because a server that was idle is slow at first. */
const leadInCalls = 500;

/** Server and load generator each have a core of their own, where the system can do that. */
const cores = { server: availableParallelism() - 1, load: 0 };
export const isPinned =
  cores.server > cores.load && spawnSync("taskset", ["-c", "0", "true"]).status === 0;

/**
 * Let all subjects answer the same calls in turn, round by round, so that a time in which the machine is slow
 * affects all of them.
 *
 * @param rounds Of every subject.
 * @param calls In each round.
 */
export async function runScene(scene: Scene, rounds: number, calls: number): Promise<SceneResult> {
  const load = startProcess("./load.ts", [], cores.load);
  const servers = await Promise.all(scene.subjects.map(startServer));
  const results = new Map(scene.subjects.map(({ name }) => [name, [] as Round[]]));

  const measure = async ({ port, cpuMicros }: Server, leadIn: number): Promise<Round> => {
    await tell(load, { kind: "open", port, call: scene.call });
    await tell(load, { kind: "run", calls: leadIn });
    const before = await cpuMicros();
    const { seconds, body } = await tell(load, { kind: "run", calls });
    const spent = (await cpuMicros()) - before;
    await tell(load, { kind: "close" });
    scene.checkAnswer(body);
    return { cpuMicrosPerCall: spent / calls, callsPerSecond: calls / seconds };
  };

  try {
    for (const server of servers) await measure(server, warmUpCalls);
    for (let round = 0; round < rounds; round += 1) {
      for (const server of servers) {
        results.get(server.name)?.push(await measure(server, leadInCalls));
      }
    }
  } finally {
    for (const child of [load, ...servers.map((server) => server.child)]) child.kill();
  }
  return { scene, rounds: results };
}

type Server = {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
  /** CPU time so far. */
  readonly cpuMicros: () => Promise<number>;
};

async function startServer({ name, args }: Subject): Promise<Server> {
  const child = startProcess("../subject.ts", args, cores.server);
  const [port] = await once(child, "message");
  return {
    name,
    child,
    port: Number(port),
    async cpuMicros() {
      child.send("cpu");
      const [micros] = await once(child, "message");
      return Number(micros);
    },
  };
}

async function tell(load: ChildProcess, order: Order): Promise<Report> {
  load.send(order);
  const [report] = await once(load, "message");
  return report as Report;
}

/** Fork a process. If it ends too early, this process ends, because no figure would be right any more. */
function startProcess(module: string, args: readonly string[], core: number): ChildProcess {
  const node = [process.execPath, ...process.execArgv];
  const [execPath = "", ...execArgv] = isPinned ? ["taskset", "-c", `${core}`, ...node] : node;
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), args, {
    execPath,
    execArgv,
    serialization: "advanced",
  });
  return child.once("exit", (code, signal) => {
    if (!child.killed) throw new Error(`${module} ${args.join(" ")} ended: ${signal ?? code}`);
  });
}
