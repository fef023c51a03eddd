import cluster, { type Worker } from "node:cluster";
import { setTimeout as pause } from "node:timers/promises";
import type { Config } from "../config.ts";
import { createLog } from "../telemetry/log.ts";
import { banner, firstSignal, serve } from "./serve.ts";

/** What the first process tells its workers. */
type Order = "drain" | "reload";

/** What a worker tells the first process, once it listens. */
type Ready = { readonly url: string };

/** A worker that dies again and again must not keep the machine busy with starting it. */
const restartPauseMs = 500;

/**
 * Run the server in `config.workers` processes that share its port, until SIGTERM or SIGINT; then all
 * drain. A second signal ends all at once. SIGHUP makes all read the TLS files again. A worker that
 * dies is replaced.
 *
 * The first process only accepts connections, hands them out and keeps the workers running. It heeds
 * the signals alone, whoever else gets them: a terminal and most supervisors send them to all.
 *
 * @param out Prints one line on stdout: the banner, once all workers listen.
 * @returns The exit code of this process, be it the first or a worker.
 */
export async function serveTogether(config: Config, out: (line: string) => void): Promise<number> {
  if (cluster.isPrimary) return supervise(config, out);
  try {
    await serve(config, underOrders());
    return 0;
  } finally {
    // To listen for orders no longer keeps the process from ending, with its own exit code.
    process.channel?.unref();
  }
}

async function supervise(config: Config, out: (line: string) => void): Promise<number> {
  const log = createLog(config.logLevel);
  let isStopping = false;

  // One first: it makes what is needed in an empty database, and says what is wrong, if anything is.
  const first = await startWorker();
  if (first.kind === "ended") return first.code;
  const others = Array.from({ length: config.workers - 1 }, () => startWorker());
  for (const started of await Promise.all(others)) {
    if (started.kind === "started") continue;
    for (const worker of workers()) worker.process.kill("SIGKILL");
    return started.code;
  }

  cluster.on("exit", async (worker, code, signal) => {
    if (isStopping) return;
    log.error({ pid: worker.process.pid, code, signal }, "a worker died and is replaced");
    await pause(restartPauseMs);
    if (!isStopping) cluster.fork();
  });
  process.on("SIGHUP", () => order("reload"));
  const stopped = firstSignal(() => {
    for (const worker of workers()) worker.process.kill("SIGKILL");
    process.exit(1);
  });
  for (const line of banner(config, first.url)) out(line);

  await stopped;
  isStopping = true;
  const ends = workers().map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
  order("drain");
  await Promise.all(ends);
  return 0;
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

function order(what: Order): void {
  for (const worker of workers()) if (worker.isConnected()) worker.send(what);
}

type Started =
  | { readonly kind: "started"; readonly url: string }
  | { readonly kind: "ended"; readonly code: number };

function startWorker(): Promise<Started> {
  return new Promise((resolve) => {
    const worker = cluster.fork();
    worker.once("message", ({ url }: Ready) => resolve({ kind: "started", url }));
    worker.once("exit", (code) => resolve({ kind: "ended", code: code ?? 1 }));
  });
}

/** In a worker: the first process speaks for the signals. When it is gone, Node ends the worker. */
function underOrders(): Parameters<typeof serve>[1] {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  const { promise: drained, resolve: drain } = Promise.withResolvers<string>();
  let reload = () => {};
  process.on("message", (what: Order) => {
    if (what === "drain") drain("told to");
    else reload();
  });
  return {
    ready: (url) => void process.send?.({ url } satisfies Ready),
    stop: () => drained,
    onReload(again) {
      reload = again;
    },
  };
}
