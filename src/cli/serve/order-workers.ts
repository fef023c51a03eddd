import cluster, { type Worker } from "node:cluster";
import type { Order } from "./messages.ts";

/** The workers that are running. */
export function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

/** Send an order to all workers. */
export function order(what: Order): void {
  for (const worker of workers()) send(worker, what);
}

/**
 * Send an order to a worker. Nothing happens if it has died.
 *
 * Until this process has read the end of the channel, a dead worker counts as connected. Without the callback a failure
 * would be an "error" event that nobody listens for, which ends this process and with it all workers.
 */
export function send(worker: Worker, what: Order): void {
  worker.send(what, () => {});
}
