import cluster, { type Worker } from "node:cluster";
import { setTimeout as pause } from "node:timers/promises";
import type { Config } from "../../config/config.ts";
import type { Snapshot } from "../../telemetry/exposition.ts";
import { createLog } from "../../telemetry/log.ts";
import type { Out } from "../command/command.ts";
import { banner } from "./banner.ts";
import { createTally } from "./count-workers.ts";
import { logStart, type Start } from "./log-start.ts";
import type { Report } from "./messages.ts";
import { order, send, workers } from "./order-workers.ts";
import { runServer } from "./run-server.ts";
import { firstSignal } from "./signals.ts";
import { workerSupervisor } from "./worker.ts";

/** The pause before a dead worker is replaced, so that workers that always die at once do not load the machine. */
const restartPauseMs = 500;

/**
 * Run the server in `config.workers` processes that share its port, until SIGTERM or SIGINT; then all
 * drain. A second signal ends all of them at once. SIGHUP makes all of them read the TLS files again.
 * A worker that dies is replaced.
 *
 * The first process accepts connections, hands them to the workers and replaces workers that die. A
 * terminal sends signals to all processes, so the workers ignore them and wait for orders.
 *
 * @param out Prints the banner, once all workers listen.
 * @returns The exit code of this process, which is the first one or a worker.
 */
export async function serveTogether(config: Config, out: Out): Promise<number> {
  if (cluster.isPrimary) return supervise(config, out);
  try {
    return await runServer(config, workerSupervisor());
  } finally {
    // The channel for orders must not keep the process running.
    process.channel?.unref();
  }
}

async function supervise(config: Config, out: Out): Promise<number> {
  const log = createLog(config.logLevel, true);
  let isStopping = false;
  const tally = createTally();
  let counting: Promise<Snapshot[]> | undefined;

  /** Those of the first start that have not started yet. If one of them ends, the server does; others are replaced. */
  const starting = new Set<Worker>();
  cluster.on("exit", async (worker, code, signal) => {
    tally.ended(worker);
    if (isStopping || starting.delete(worker)) return;
    log.error({ pid: worker.process.pid, code, signal }, "a worker died and is replaced");
    await pause(restartPauseMs);
    if (!isStopping) cluster.fork();
  });
  cluster.on("message", async (worker, report: Report) => {
    if (report.kind === "ready") starting.delete(worker);
    if (report.kind !== "count all") return;
    counting ??= tally.countAll().finally(() => {
      counting = undefined;
    });
    const counts = await counting;
    send(worker, { kind: "all counts", counts });
  });
  // Some workers may have read the TLS files while others start.
  process.on("SIGHUP", () => order({ kind: "reload" }));
  const startWorker = () => {
    const worker = cluster.fork();
    starting.add(worker);
    return startOf(worker);
  };
  // Start one worker first. It sets up an empty database, and an error is reported once, not by every worker.
  const first = await startWorker();
  if (first.kind === "ended") return first.code;
  const others = Array.from({ length: config.workers - 1 }, startWorker);
  for (const started of await Promise.all(others)) {
    if (started.kind === "started") continue;
    isStopping = true;
    for (const worker of workers()) worker.process.kill("SIGKILL");
    return started.code;
  }

  const stopped = firstSignal(() => {
    for (const worker of workers()) worker.process.kill("SIGKILL");
    process.exit(1);
  });
  logStart(log, config, first.start);
  for (const line of banner(config, first.start.url)) out(line);

  await stopped;
  isStopping = true;
  const ends = workers().map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
  order({ kind: "drain" });
  await Promise.all(ends);
  return 0;
}

type Started =
  | { readonly kind: "started"; readonly start: Start }
  | { readonly kind: "ended"; readonly code: number };

function startOf(worker: Worker): Promise<Started> {
  return new Promise((resolve) => {
    worker.on("message", (report: Report) => {
      if (report.kind === "ready") resolve({ kind: "started", start: report.start });
    });
    worker.once("exit", (code) => resolve({ kind: "ended", code: code ?? 1 }));
  });
}
