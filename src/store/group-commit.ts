import { OutcomeUnknownError, StoreUnavailableError } from "./event-store.ts";
import type { BatchRecord, StoreObserver } from "./observer.ts";

export type GroupCommit<Item, Result> = {
  /**
   * Resolves and rejects once the outcome of the item's batch is known.
   *
   * @param line Items of one line are written in the order they were added; lines take turns.
   * @param signal Aborted before the item's batch begins: the item is dropped and rejects with the
   *   signal's reason, unless a later one of its line stays, which may rest on it.
   */
  add(item: Item, line: string, signal?: AbortSignal): Promise<Result>;
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
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  /** By `performance.now`. */
  readonly addedAt: number;
};

/**
 * Turn many single writes into few transactions.
 *
 * All writes of one event-loop turn form a batch; what arrives while a batch commits forms the next
 * one, of at most 128. There is no timer to tune: a lone write waits one turn (microseconds), a busy
 * store pays one fsync per batch.
 *
 * Lines take turns, an item each: a line that holds many gets what the others leave of a batch, all
 * of it if they leave all, and nobody waits longer for it than for any other line.
 *
 * The turn of the event loop matters: where the commit is synchronous nothing could queue up without
 * it, and every batch would hold one write.
 *
 * A batch that fails as a whole is run again item by item, once, so that a bad item fails alone. The
 * second run ends at the first StoreUnavailableError, which the remaining items get too. A batch that
 * fails with StoreUnavailableError or OutcomeUnknownError is not run again: it is not about an item,
 * and whoever waits has waited long enough.
 *
 * @param commit Writes all items in one transaction and returns one result per item, in order.
 *   Rejects with OutcomeUnknownError if the outcome is open, else only if nothing was written.
 * @param committed Told of every transaction.
 */
export function createGroupCommit<Item, Result>(
  commit: (items: readonly Item[]) => Promise<readonly Result[]>,
  committed: StoreObserver["committed"] = () => {},
): GroupCommit<Item, Result> {
  /** In the order of their turns; none is empty. */
  const lines = new Map<string, Pending<Item, Result>[]>();
  let running: Promise<void> | undefined;
  let closed = false;

  async function run(): Promise<void> {
    await nextTurn();
    for (let batch = takeBatch(); batch.length > 0; batch = takeBatch()) {
      await settle(batch);
      await nextTurn();
    }
    running = undefined;
  }

  function takeBatch(): Pending<Item, Result>[] {
    const batch: Pending<Item, Result>[] = [];
    for (const [name, line] of lines) {
      if (batch.length === maxBatch) break;
      dropAborted(line);
      const next = line.shift();
      // What is set anew comes last, and again in this loop.
      lines.delete(name);
      if (next !== undefined) batch.push(next);
      if (line.length > 0) lines.set(name, line);
    }
    return batch;
  }

  function dropAborted(line: Pending<Item, Result>[]): void {
    for (let last = line.at(-1); last?.signal?.aborted; last = line.at(-1)) {
      last.reject(last.signal.reason);
      line.pop();
    }
  }

  async function settle(batch: readonly Pending<Item, Result>[]): Promise<void> {
    try {
      const results = await write(batch);
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
    for (const pending of batch) {
      const { resolve, reject } = pending;
      if (unavailable !== undefined) {
        reject(unavailable);
        continue;
      }
      try {
        const [result] = await write([pending]);
        resolve(result as Result);
      } catch (error) {
        if (error instanceof StoreUnavailableError) unavailable = error;
        reject(error);
      }
    }
  }

  async function write(batch: readonly Pending<Item, Result>[]): Promise<readonly Result[]> {
    const size = batch.length;
    const begunAt = performance.now();
    const waitedMs =
      begunAt - batch.reduce((least, { addedAt }) => Math.min(least, addedAt), begunAt);
    const tell = (outcome: BatchRecord["outcome"]) =>
      committed({ size, outcome, waitedMs, durationMs: performance.now() - begunAt });
    try {
      const results = await commit(batch.map(({ item }) => item));
      tell("stored");
      return results;
    } catch (error) {
      tell(outcomeFromError(error));
      throw error;
    }
  }

  return {
    add(item, name, signal) {
      if (closed) return Promise.reject(new StoreUnavailableError("the store is closed"));
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const pending = { item, signal, resolve, reject, addedAt: performance.now() };
      const line = lines.get(name);
      if (line === undefined) lines.set(name, [pending]);
      else line.push(pending);
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
  return outcomeFromError(error) === "failed";
}

function outcomeFromError(error: unknown): BatchRecord["outcome"] {
  if (error instanceof OutcomeUnknownError) return "unknown";
  return error instanceof StoreUnavailableError ? "unavailable" : "failed";
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
