import type { Waiter } from "../../event-store.ts";

/** An item that waits for its batch. */
export type Pending<Item, Result> = {
  readonly item: Item;
  readonly signal: Waiter | undefined;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  /** By `performance.now`. */
  readonly addedAt: number;
  /** In bytes. */
  readonly size: number;
};

/** Items that wait, in queues that take turns. */
export type PendingQueues<Item, Result> = {
  add(name: string, pending: Pending<Item, Result>): void;
  /** Take the next batch; empty if nothing waits. Items at the end of a queue that were aborted are rejected. */
  take(): Pending<Item, Result>[];
  /** Take all that waits, whatever became of it. */
  takeAll(): Pending<Item, Result>[];
};

/**
 * Queues take turns, one item each. A queue with many items gets the places of a batch that the others do not
 * need. So a busy queue delays the others no more than any other queue does.
 *
 * @param max.items Of one batch.
 * @param max.bytes Of the items of one batch, unless the first item alone has more.
 */
export function createPendingQueues<Item, Result>(max: {
  readonly items: number;
  readonly bytes: number;
}): PendingQueues<Item, Result> {
  /** In the order of their turns; none is empty. */
  let queues = new Map<string, Pending<Item, Result>[]>();

  return {
    add(name, pending) {
      const queue = queues.get(name);
      if (queue === undefined) queues.set(name, [pending]);
      else queue.push(pending);
    },

    take() {
      const batch: Pending<Item, Result>[] = [];
      let bytes = 0;
      for (const [name, queue] of queues) {
        if (batch.length === max.items) break;
        dropAborted(queue);
        // It begins the next batch, so that large items wait no longer than small ones.
        if (batch.length > 0 && bytes + (queue[0]?.size ?? 0) > max.bytes) break;
        const next = queue.shift();
        bytes += next?.size ?? 0;
        // A queue that is set again moves to the end, and this loop reaches it again.
        queues.delete(name);
        if (next !== undefined) batch.push(next);
        if (queue.length > 0) queues.set(name, queue);
      }
      // A Map that is used for long keeps much of what it had, until all memory is collected.
      if (queues.size === 0) queues = new Map();
      return batch;
    },

    takeAll() {
      const all = [...queues.values()].flat();
      queues.clear();
      return all;
    },
  };
}

function dropAborted(queue: Pending<unknown, never>[]): void {
  for (let last = queue.at(-1); last?.signal?.aborted; last = queue.at(-1)) {
    last.reject(last.signal.reason);
    queue.pop();
  }
}
