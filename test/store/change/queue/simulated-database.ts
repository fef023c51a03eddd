import type { Append, AppendResult, Tip } from "../../../../src/store/change/append.ts";
import { createBatcher } from "../../../../src/store/change/batch/batcher.ts";
import {
  type CommitAll,
  jointAppends,
  refusalFrom,
} from "../../../../src/store/change/joint-appends.ts";
import { createStreamQueue } from "../../../../src/store/change/queue/stream-queue.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../../../../src/store/event-store.ts";

/** What becomes of a load or commit at its next step. */
export const outcomes = ["goes on", "fails", "is lost", "is late"] as const;
export type Outcome = (typeof outcomes)[number];

/** A load or a commit under way. */
export type Operation = {
  readonly server: object;
  /** Takes effect. It may be called after `fail`, when an outcome was lost and comes late. */
  readonly run: () => () => void;
  readonly fail: (error: Error) => void;
  readonly isCommit: boolean;
  /** Delivers the answer; `undefined` until it has taken effect. */
  answer?: () => void;
  /** Nobody waits for its answer any more. */
  isLate: boolean;
};

export type Database = ReturnType<typeof createDatabase>;

const now = () => 1;

/** What is durable, for all servers. */
export function createDatabase() {
  const tips = new Map<string, Tip>();
  const events = new Map<string, Append[]>();
  const holders = new Map<string, string>();

  function write(append: Append): AppendResult {
    const { stream, change: id, after, head, uniqueKeys = [] } = append;
    if (tips.get(stream)?.change !== after) return "conflict";
    if (uniqueKeys.some((name) => (holders.get(name) ?? stream) !== stream))
      return "unique-key-taken";
    for (const name of uniqueKeys) holders.set(name, stream);
    tips.set(stream, { head, change: id });
    events.set(stream, [...(events.get(stream) ?? []), append]);
    return "appended";
  }

  function commit(batch: readonly Append[]): AppendResult[] {
    if (batch.some(({ events }) => events[0]?.type === "poison"))
      throw new TypeError("cannot be stored");
    return batch.map(write);
  }

  return {
    tips,
    events,
    version: (stream: string) => tips.get(stream)?.head.version ?? 0,
    commit,
    commitAll(...[members, decide]: Parameters<CommitAll>) {
      const latest = members.map(({ stream }) => tips.get(stream));
      const { appends, heads } = jointAppends(members, latest, decide, now);
      const refusal = refusalFrom(commit(appends).find((result) => result !== "appended"));
      if (refusal !== undefined) throw refusal;
      return heads;
    },
  };
}

export type Server = ReturnType<typeof createServer>;

/** A queue and a batcher, as one process has them. */
export function createServer(database: Database, operations: Operation[]) {
  const id = {};
  function begin<Result>(isCommit: boolean, effect: () => Result): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const run = () => {
      try {
        const result = effect();
        return () => resolve(result);
      } catch (error) {
        return () => reject(error);
      }
    };
    operations.push({ server: id, run, fail: reject, isCommit, isLate: false });
    return promise;
  }
  const commits = createBatcher((batch: readonly Append[]) =>
    begin(true, () => database.commit(batch)),
  );
  const { change } = createStreamQueue({
    load: (stream) => begin(false, () => database.tips.get(stream)),
    append: (append, signal) => commits.add(append, append.stream, signal),
    commitAll: (...wanted) => begin(true, () => database.commitAll(...wanted)),
    now,
  });
  return { id, change };
}

/** Give one of the operations under way its outcome. */
export function work(
  operations: Operation[],
  { which: at, outcome }: { which: number; outcome: Outcome },
): void {
  const index = at % operations.length;
  const operation = operations[index];
  if (operation === undefined) return;
  const isApplied = operation.answer !== undefined;
  if (operation.isLate || (isApplied && outcome === "goes on")) {
    operations.splice(index, 1);
    if (!operation.isLate) operation.answer?.();
    else if (!isApplied) operation.run();
  } else if (outcome === "goes on") {
    operation.answer = operation.run();
  } else if (outcome === "is late" && !isApplied && operation.isCommit) {
    operation.isLate = true;
    operation.fail(new OutcomeUnknownError("lost, and not over"));
  } else {
    operations.splice(index, 1);
    const isOpen = operation.isCommit && (isApplied || outcome === "is lost");
    operation.fail(isOpen ? new OutcomeUnknownError("lost") : new StoreUnavailableError("down"));
  }
}
