import { OutcomeUnknownError, StoreUnavailableError } from "./event-store.ts";

export type GroupCommit<Item, Result> = {
  /** Resolves and rejects once the outcome of the item's batch is known. */
  add(item: Item): Promise<Result>;
  /** Refuses further items with StoreUnavailableError; resolves when all before are committed. */
  close(): Promise<void>;
};

/**
 * Items of one transaction. From 64 on the fsync hardly shows in the cost of an item; more would
 * only make the first wait for the last.
 */
const maxBatch = 128;

type Pending<Item, Result> = {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Turn many single writes into few transactions.
 *
 * All writes of one event-loop turn form a batch; what arrives while a batch commits forms the next
 * one, of at most 128. There is no timer to tune: a lone write waits one turn (microseconds), a busy
 * store pays one fsync per batch.
 *
 * The turn matters: where the commit is synchronous nothing could queue up without it, and every
 * batch would hold one write.
 *
 * A batch that fails as a whole is run again item by item, once, so that a bad item fails alone. The
 * second run ends at the first StoreUnavailableError, which the remaining items get too. A batch that
 * fails with StoreUnavailableError or OutcomeUnknownError is not run again: it is not about an item,
 * and whoever waits has waited long enough.
 *
 * @param commit Writes all items in one transaction and returns one result per item, in order.
 *   Rejects with OutcomeUnknownError if the outcome is open, else only if nothing was written.
 */
export function createGroupCommit<Item, Result>(
  commit: (items: readonly Item[]) => Promise<readonly Result[]>,
): GroupCommit<Item, Result> {
  let waiting: Pending<Item, Result>[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  async function run(): Promise<void> {
    await nextTurn();
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      await settle(batch);
      await nextTurn();
    }
    running = undefined;
  }

  async function settle(batch: readonly Pending<Item, Result>[]): Promise<void> {
    try {
      const results = await commit(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => {
        resolve(results[index] as Result);
      });
    } catch (error) {
      if (batch.length > 1 && isAboutItems(error)) await settleEach(batch);
      else for (const { reject } of batch) reject(error);
    }
  }

  async function settleEach(batch: readonly Pending<Item, Result>[]): Promise<void> {
    let unavailable: StoreUnavailableError | undefined;
    for (const { item, resolve, reject } of batch) {
      if (unavailable !== undefined) {
        reject(unavailable);
        continue;
      }
      try {
        const [result] = await commit([item]);
        resolve(result as Result);
      } catch (error) {
        if (error instanceof StoreUnavailableError) unavailable = error;
        reject(error);
      }
    }
  }

  return {
    add(item) {
      if (closed) return Promise.reject(new StoreUnavailableError("the store is closed"));
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      waiting.push({ item, resolve, reject });
      running ??= run();
      return promise;
    },

    async close() {
      closed = true;
      await running;
    },
  };
}

function isAboutItems(error: unknown): boolean {
  return !(error instanceof OutcomeUnknownError || error instanceof StoreUnavailableError);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
