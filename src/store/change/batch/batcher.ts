import { OutcomeUnknownError, StoreUnavailableError, type Waiter } from "../../event-store.ts";
import type { BatchRecord, StoreObserver } from "../../observer.ts";
import { createGroupedQueues } from "./grouped-queues.ts";
import type { Pending } from "./pending-queues.ts";

/** Collects single items and runs them in batches. */
export type Batcher<Item, Result> = {
  /**
   * Resolves and rejects once the outcome of the item's batch is known.
   *
   * @param queue Items of one queue run in the order they were added; queues take turns.
   * @param signal If it is aborted before the item's batch begins, the item is dropped and rejects with
   *   the signal's reason. But it stays if a later item of its queue stays, which may depend on it.
   */
  add(item: Item, queue: string, signal?: Waiter): Promise<Result>;
  /** Reject all items whose batch has not begun. None that stays could depend on them. */
  refuseWaiting(error: StoreUnavailableError): void;
  /** Refuses further items with StoreUnavailableError; resolves when all before are answered. */
  close(): Promise<void>;
};

/** How a batcher makes its batches. */
export type BatcherOptions<Item> = {
  /** Called after every batch. */
  readonly ended?: StoreObserver["committed"] | undefined;
  /** About how many bytes an item adds to its batch. Default: none that count. */
  readonly sizeOf?: (item: Item) => number;
  /** The group of a queue. A batch holds items of one group; groups take turns. Default: all are of one. */
  readonly groupOf?: (queue: string) => string;
  /** What a batch waits for that begins when none runs. Default: `endOfTurn`. */
  readonly collect?: () => Promise<void>;
};

/**
 * Items of one batch. With 64 the fsync of a commit hardly adds to the cost of an item. With more, all callers of a busy
 * server wait for the same batch: nothing is left to prepare while it is written, and nothing to write while they are
 * answered. Of 128 in flight on SQLite, batches of 64 let a tenth more calls a second through than batches of 128.
 */
const maxBatch = 64;

/**
 * Bytes of the items of one batch: 64 changes of profiles have an eighth of it. A batch of large values would take
 * many times its size in memory, and everything behind it would wait.
 */
const maxBatchBytes = 1_048_576;

/**
 * Run many single items as few batches: changes as group commits, loads as one query.
 *
 * All items of one turn of the event loop form a batch. Items that arrive while a batch runs form the next
 * one, of at most 64 and 1 MiB, which begins before the items of the one before are answered: the writer does not wait
 * for that. There is no timer to tune: a single item waits one turn (microseconds), and a busy store pays for one fsync,
 * or one round trip, per batch.
 *
 * A batch that begins when none runs waits for its turn to end because otherwise, if `run` is synchronous, no items
 * could collect and every batch would hold one item.
 *
 * A batch that fails as a whole is run again item by item, once, so that a bad item fails alone. The
 * second run ends at the first StoreUnavailableError, which the remaining items get too. A batch that
 * fails with StoreUnavailableError or OutcomeUnknownError is not run again, because no item is the cause,
 * and its callers have waited long enough.
 *
 * @param run Runs all items, in one transaction if they write, and returns one result per item, in
 *   order. Rejects with OutcomeUnknownError if the outcome is open, else only if nothing was written.
 */
export function createBatcher<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  options: BatcherOptions<Item> = {},
): Batcher<Item, Result> {
  const { ended, sizeOf = () => 0, groupOf = () => "", collect = endOfTurn } = options;
  const max = { items: maxBatch, bytes: maxBatchBytes };
  const queues = createGroupedQueues<Item, Result>(max, groupOf);
  const settle = createSettle(run, ended);
  let running: Promise<void> | undefined;
  let closed = false;

  const begin = () => {
    const batch = queues.take();
    return batch.length === 0 ? undefined : settle(batch);
  };

  async function runAll(): Promise<void> {
    await collect();
    for (let settling = begin(); settling !== undefined; ) {
      const answer = await settling;
      settling = begin();
      answer();
    }
    running = undefined;
  }

  return {
    add(item, name, signal) {
      if (closed) return Promise.reject(new StoreUnavailableError("the store is closed"));
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const size = sizeOf(item);
      const pending = { item, signal, resolve, reject, addedAt: performance.now(), size };
      queues.add(name, pending);
      running ??= runAll();
      return promise;
    },

    refuseWaiting(error) {
      for (const { reject } of queues.takeAll()) reject(error);
    },

    async close() {
      closed = true;
      await running;
    },
  };
}

/** Runs a batch, and resolves to what answers its items. */
function createSettle<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
  ended: StoreObserver["committed"] = () => {},
): (batch: readonly Pending<Item, Result>[]) => Promise<() => void> {
  async function settle(batch: readonly Pending<Item, Result>[]): Promise<() => void> {
    try {
      const results = await runBatch(batch);
      return () => {
        batch.forEach(({ resolve }, index) => {
          resolve(results[index] as Result);
        });
      };
    } catch (error) {
      if (batch.length > 1 && isAboutItems(error)) {
        await settleEach(batch);
        return () => {};
      }
      return () => {
        for (const { reject } of batch) reject(error);
      };
    }
  }

  async function settleEach(batch: readonly Pending<Item, Result>[]): Promise<void> {
    let unavailable: StoreUnavailableError | undefined;
    for (const pending of batch) {
      const { resolve, reject } = pending;
      if (unavailable !== undefined) {
        reject(unavailable);
        continue;
      }
      try {
        const [result] = await runBatch([pending]);
        resolve(result as Result);
      } catch (error) {
        if (error instanceof StoreUnavailableError) unavailable = error;
        reject(error);
      }
    }
  }

  async function runBatch(batch: readonly Pending<Item, Result>[]): Promise<readonly Result[]> {
    const size = batch.length;
    const begunAt = performance.now();
    const waitedMs =
      begunAt - batch.reduce((least, { addedAt }) => Math.min(least, addedAt), begunAt);
    const report = (outcome: BatchRecord["outcome"]) =>
      ended({ size, outcome, waitedMs, durationMs: performance.now() - begunAt });
    try {
      const results = await run(batch.map(({ item }) => item));
      report("stored");
      return results;
    } catch (error) {
      report(outcomeFromError(error));
      throw error;
    }
  }

  return settle;
}

function isAboutItems(error: unknown): boolean {
  return outcomeFromError(error) === "failed";
}

function outcomeFromError(error: unknown): BatchRecord["outcome"] {
  if (error instanceof OutcomeUnknownError) return "unknown";
  return error instanceof StoreUnavailableError ? "unavailable" : "failed";
}

/** The turn of the event loop ends: everything that sockets had for it has been read. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The callback of the event loop ends: everything that has followed from it without waiting is done. */
export function endOfCallback(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
