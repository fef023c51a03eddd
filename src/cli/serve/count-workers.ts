import type { Worker } from "node:cluster";
import type { Snapshot } from "../../telemetry/exposition.ts";
import type { Report } from "./messages.ts";
import { order, workers } from "./order-workers.ts";

/** How long to wait for a worker's counts. Prometheus itself waits 10 seconds. */
const countMs = 5_000;

/**
 * What each running worker has counted. A worker that does not answer in time is left out. The counts of
 * workers that have died are lost.
 */
export async function countAll(): Promise<Snapshot[]> {
  const counts = workers().map(countOf);
  order({ kind: "count" });
  return (await Promise.all(counts)).filter((count) => count !== undefined);
}

/** The next counts that the worker sends, even if they are a late answer to an earlier order. */
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
