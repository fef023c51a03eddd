import { StoreOverloadedError, StoreUnavailableError } from "../event-store.ts";

/** Scans that may wait. Together they take a minute at most. */
const maxWaiting = 64;
const retryAfterMs = 1_000;

/** Runs one piece of work at a time. */
export type ScanQueue<Work, Result> = {
  /**
   * @param group Whose work it is. Groups take turns, whatever one of them has waiting.
   * @param signal If it is aborted before the turn of the work, the work is dropped. Afterwards it is stopped, if
   *   `run` can do that.
   * @throws StoreOverloadedError if too many wait, and no group has more waiting than this one.
   */
  add(work: Work, group: string, signal: AbortSignal | undefined): Promise<Result>;
  /** Rejects work that waits, with StoreUnavailableError; resolves when running work is done. */
  close(): Promise<void>;
};

type Waiting<Work, Result> = {
  readonly work: Work;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: Promise<Result>) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Run work that takes long, one after another. Groups take turns, and the work of a group is done in order of
 * arrival. When too much waits, the group that has most loses its latest work to a group that has less.
 *
 * @param run Runs one piece of work, and stops it if the signal is aborted and it can be stopped.
 */
export function createScanQueue<Work, Result>(
  run: (work: Work, signal: AbortSignal | undefined) => Promise<Result>,
): ScanQueue<Work, Result> {
  /** In the order of their turns; none is empty. */
  const groups = new Map<string, Waiting<Work, Result>[]>();
  let waiting = 0;
  let running: Promise<void> | undefined;
  let closed = false;

  function next(): Waiting<Work, Result> | undefined {
    for (const [group, queue] of groups) {
      const first = queue.shift();
      // A group that is set again moves to the end.
      groups.delete(group);
      if (queue.length > 0) groups.set(group, queue);
      if (first === undefined) continue;
      waiting -= 1;
      return first;
    }
    return undefined;
  }

  async function runAll(): Promise<void> {
    for (let each = next(); each !== undefined; each = next()) {
      const { work, signal, resolve, reject } = each;
      if (closed) reject(new StoreUnavailableError("the store is closed"));
      else if (signal?.aborted) reject(signal.reason);
      else {
        const result = run(work, signal);
        resolve(result);
        await result.catch(() => {});
      }
    }
    running = undefined;
  }

  /** @returns Whether there is room for one more of a group. */
  function makeRoom(group: string): boolean {
    if (waiting < maxWaiting) return true;
    const own = groups.get(group)?.length ?? 0;
    const most = [...groups.values()].reduce((a, b) => (b.length > a.length ? b : a));
    if (most.length <= own + 1) return false;
    most.pop()?.reject(overloaded());
    waiting -= 1;
    return true;
  }

  return {
    add(work, group, signal) {
      if (!makeRoom(group)) return Promise.reject(overloaded());
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const queue = groups.get(group);
      const each = { work, signal, resolve, reject };
      if (queue === undefined) groups.set(group, [each]);
      else queue.push(each);
      waiting += 1;
      running ??= Promise.resolve().then(runAll);
      return promise;
    },

    async close() {
      closed = true;
      await running;
    },
  };
}

function overloaded(): StoreOverloadedError {
  return new StoreOverloadedError(`${maxWaiting} searches are waiting`, retryAfterMs);
}
