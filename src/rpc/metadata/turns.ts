import { StoreOverloadedError } from "../../store/event-store.ts";

/** Changes of one user's metadata that may wait. Each takes one commit, so the last waits about a second. */
const maxPerUser = 256;
/** Of all users. Each holds its request, and its values a second time in base64: 150 MB at most by default. */
const maxInAll = 1_024;
const retryAfterMs = 1_000;

/**
 * Runs one piece of work for a user at a time, in order of arrival.
 *
 * @param signal If it is aborted before the turn comes, the work is dropped.
 * @throws StoreOverloadedError if too many wait.
 * @throws The signal's reason if the work was dropped, and what the work throws.
 */
export type Turns = <Result>(
  userId: string,
  work: () => Promise<Result>,
  signal: AbortSignal,
) => Promise<Result>;

/** Turns for the users of one server. */
export function createTurns(): Turns {
  /** Of users with work. */
  const queues = new Map<string, { size: number; last: Promise<unknown> }>();
  let all = 0;

  return async (userId, work, signal) => {
    const queue = queues.get(userId) ?? { size: 0, last: Promise.resolve() };
    if (queue.size >= maxPerUser || all >= maxInAll) {
      throw new StoreOverloadedError(`${queue.size} changes of metadata wait`, retryAfterMs);
    }
    queues.set(userId, queue);
    queue.size += 1;
    all += 1;
    const turn = queue.last.then(() => {
      signal.throwIfAborted();
      return work();
    });
    // What failed must not stop those behind it.
    queue.last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      all -= 1;
      queue.size -= 1;
      if (queue.size === 0) queues.delete(userId);
    }
  };
}
