import type { Worker } from "node:cluster";
import { addCounts } from "../../telemetry/add-counts.ts";
import type { Snapshot } from "../../telemetry/exposition.ts";
import type { Report } from "./messages.ts";
import { order, workers } from "./order-workers.ts";

/** How long to wait for a worker's counts. Prometheus itself waits 10 seconds. */
const countMs = 5_000;

/** Adds up what workers count, so that no counter goes back when a worker dies or is slow to answer. */
export type Tally = {
  /** What each running worker has counted, and last what those that have ended had counted. */
  countAll(): Promise<Snapshot[]>;
  /** Keep what a worker had counted when it was last asked. What it has counted since then is lost. */
  ended(worker: Worker): void;
};

/** Nothing is counted yet. */
export function createTally(): Tally {
  const latest = new Map<number, Snapshot>();
  let past: Snapshot = [];
  return {
    async countAll() {
      const counting = workers().map(async (worker) => {
        const count = await countOf(worker);
        if (count !== undefined) latest.set(worker.id, count);
      });
      order({ kind: "count" });
      await Promise.all(counting);
      return [...latest.values(), past];
    },
    ended({ id }) {
      const count = latest.get(id);
      latest.delete(id);
      if (count !== undefined) past = addCounts(past, count);
    },
  };
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
