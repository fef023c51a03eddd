import cluster, { type Worker } from "node:cluster";
import type { Order } from "./messages.ts";

/** The workers that are running. */
export function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

/** Send an order to all workers. */
export function order(what: Order): void {
  for (const worker of workers()) if (worker.isConnected()) worker.send(what);
}
