import { StoreOverloadedError, StoreUnavailableError } from "../event-store.ts";

/** Scans that may wait. Together they take a minute at most. */
const maxWaiting = 64;
const retryAfterMs = 1_000;

/** Runs one piece of work at a time. */
export type ScanQueue<Work, Result> = {
  /**
   * @param signal If it is aborted before the turn of the work, the work is dropped.
   * @throws StoreOverloadedError if too many wait.
   */
  add(work: Work, signal: AbortSignal | undefined): Promise<Result>;
  /** Rejects work that waits, with StoreUnavailableError; resolves when running work is done. */
  close(): Promise<void>;
};

/** Run work that takes long, one after another in order of arrival. */
export function createScanQueue<Work, Result>(
  run: (work: Work) => Promise<Result>,
): ScanQueue<Work, Result> {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let closed = false;

  async function turn(work: Work, signal: AbortSignal | undefined, before: Promise<unknown>) {
    waiting += 1;
    await before;
    waiting -= 1;
    signal?.throwIfAborted();
    if (closed) throw new StoreUnavailableError("the store is closed");
    return run(work);
  }

  return {
    async add(work, signal) {
      if (waiting >= maxWaiting) {
        throw new StoreOverloadedError(`${maxWaiting} searches are waiting`, retryAfterMs);
      }
      const result = turn(work, signal, last);
      last = result.catch(() => {});
      return result;
    },

    async close() {
      closed = true;
      await last;
    },
  };
}
