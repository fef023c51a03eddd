import type { Worker } from "node:cluster";
import type { Snapshot } from "../../telemetry/exposition.ts";
import type { Report } from "./messages.ts";
import { order, workers } from "./order-workers.ts";

/** How long to wait for a worker. Prometheus waits for ten seconds. */
const countMs = 5_000;

/**
 * What each worker has counted. A worker that has died, or that does not answer in time, is left out, and
 * so are the counts of earlier workers.
 */
export async function countAll(): Promise<Snapshot[]> {
  const counts = workers().map(countOf);
  order({ kind: "count" });
  return (await Promise.all(counts)).filter((count) => count !== undefined);
}

/** The next count that the worker sends. A late answer to an earlier question is good enough. */
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
