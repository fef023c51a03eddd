import cluster, { type Worker } from "node:cluster";
import { setTimeout as pause } from "node:timers/promises";
import type { Config } from "../../config/config.ts";
import type { Snapshot } from "../../telemetry/exposition.ts";
import { createLog } from "../../telemetry/log.ts";
import { banner, firstSignal, runServer, type Supervisor } from "./run-server.ts";

/** What the first process tells its workers. */
type Order =
  | { readonly kind: "drain" | "reload" | "count" }
  | { readonly kind: "all counts"; readonly counts: readonly Snapshot[] };

/** What a worker tells the first process. */
type Report =
  | { readonly kind: "ready"; readonly url: string }
  | { readonly kind: "count"; readonly count: Snapshot }
  | { readonly kind: "count all" };

/** A worker that dies again and again must not keep the machine busy with starting it. */
const restartPauseMs = 500;

/** A worker that has not counted by then is left out. Prometheus waits for ten seconds. */
const countMs = 5_000;

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
    return await runServer(config, underOrders());
  } finally {
    // To listen for orders no longer keeps the process from ending, with its own exit code.
    process.channel?.unref();
  }
}

async function supervise(config: Config, out: (line: string) => void): Promise<number> {
  const log = createLog(config.logLevel);
  let isStopping = false;
  let counting: Promise<Snapshot[]> | undefined;

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
  cluster.on("message", async (worker, report: Report) => {
    if (report.kind !== "count all") return;
    counting ??= countAll().finally(() => {
      counting = undefined;
    });
    const counts = await counting;
    if (worker.isConnected()) worker.send({ kind: "all counts", counts } satisfies Order);
  });
  process.on("SIGHUP", () => order({ kind: "reload" }));
  const stopped = firstSignal(() => {
    for (const worker of workers()) worker.process.kill("SIGKILL");
    process.exit(1);
  });
  for (const line of banner(config, first.url)) out(line);

  await stopped;
  isStopping = true;
  const ends = workers().map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
  order({ kind: "drain" });
  await Promise.all(ends);
  return 0;
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

function order(what: Order): void {
  for (const worker of workers()) if (worker.isConnected()) worker.send(what);
}

/** Without those that die or hang. A worker that has died takes along what it had counted. */
async function countAll(): Promise<Snapshot[]> {
  const counts = workers().map(countOf);
  order({ kind: "count" });
  return (await Promise.all(counts)).filter((count) => count !== undefined);
}

/** The next that it sends: one that comes too late for a question will do for the next. */
function countOf(worker: Worker): Promise<Snapshot | undefined> {
  return new Promise((resolve) => {
    const done = (count?: Snapshot) => {
      clearTimeout(timer);
      worker.off("message", heard).off("exit", left);
      resolve(count);
    };
    const heard = (report: Report) => {
      if (report.kind === "count") done(report.count);
    };
    const left = () => done();
    const timer = setTimeout(left, countMs);
    worker.on("message", heard).on("exit", left);
  });
}

type Started =
  | { readonly kind: "started"; readonly url: string }
  | { readonly kind: "ended"; readonly code: number };

function startWorker(): Promise<Started> {
  return new Promise((resolve) => {
    const worker = cluster.fork();
    worker.on("message", (report: Report) => {
      if (report.kind === "ready") resolve({ kind: "started", url: report.url });
    });
    worker.once("exit", (code) => resolve({ kind: "ended", code: code ?? 1 }));
  });
}

/** In a worker: the first process speaks for the signals. When it is gone, Node ends the worker. */
function underOrders(): Supervisor {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  const { promise: drained, resolve: drain } = Promise.withResolvers<string>();
  const { promise: counting, resolve: onCount } = Promise.withResolvers<() => Promise<Snapshot>>();
  let reload = () => {};
  let scrapes: ((counts: readonly Snapshot[]) => void)[] = [];
  const report = (what: Report) => process.send?.(what);
  process.on("message", async (order: Order) => {
    switch (order.kind) {
      case "drain":
        return drain("told to");
      case "reload":
        return reload();
      case "count":
        return report({ kind: "count", count: await (await counting)() });
      case "all counts":
        for (const answer of scrapes) answer(order.counts);
        scrapes = [];
    }
  });
  return {
    ready: (url) => void report({ kind: "ready", url }),
    stop: () => drained,
    onReload(again) {
      reload = again;
    },
    together: {
      onCount,
      count: () =>
        new Promise((resolve) => {
          scrapes.push(resolve);
          report({ kind: "count all" });
        }),
    },
  };
}
