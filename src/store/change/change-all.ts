import type { Head } from "../event-store.ts";
import { type ChangeAll, type DecideAll, type Member, maxMembers } from "../joint-change.ts";
import type { CommitAll } from "./joint-appends.ts";
import type { StreamQueue } from "./queue/stream-queue.ts";

/**
 * Joint changes: each takes a turn in the queues of all its members, and leaves them when its outcome is known.
 *
 * @throws RangeError for too many members; TypeError for a stream that is named twice.
 */
export function createChangeAll({ visit }: StreamQueue, commitAll: CommitAll): ChangeAll {
  return async <State>(
    members: readonly Member[],
    decide: DecideAll<State>,
    signal?: AbortSignal,
  ) => {
    const streams = members.map(({ stream }) => stream);
    if (streams.length > maxMembers) throw new RangeError(`more than ${maxMembers} members`);
    if (new Set(streams).size < streams.length) throw new TypeError("a stream is named twice");
    const turns = await visit(streams, signal);
    try {
      const heads = await commitAll(members, decide as DecideAll<unknown>, signal);
      return heads as readonly Head<State>[];
    } finally {
      turns.leave();
    }
  };
}
