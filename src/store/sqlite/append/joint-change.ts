import type { AppendResult, Tip } from "../../change/append.ts";
import { rowFromAppend } from "../../change/append-row.ts";
import type { JointRows } from "../../change/batch/batch-item.ts";
import { type CommitAll, jointAppends, refusalFrom } from "../../change/joint-appends.ts";
import { type KeysOf, type Micros, StoreOverloadedError } from "../../event-store.ts";
import type { StoreObserver } from "../../observer.ts";

type Options = {
  readonly load: (streams: readonly string[]) => readonly (Tip | undefined)[];
  /** Writes in a batch with whatever else is written. */
  readonly write: (item: JointRows, queue: string) => Promise<AppendResult>;
  readonly keysOf: KeysOf<unknown>;
  readonly now: () => Micros;
  readonly observer: Pick<StoreObserver, "retried"> | undefined;
};

/** Only another process, such as an import, can be faster, because this one holds the members. */
const maxLostRaces = 32;
const retryAfterMs = 1_000;

/** Store joint changes: each is one item of a group commit. */
export function createJointCommit({ load, write, keysOf, now, observer }: Options): CommitAll {
  return async (members, decide, signal) => {
    const streams = members.map(({ stream }) => stream);
    for (let races = 0; races < maxLostRaces; races += 1) {
      if (signal?.aborted) throw signal.reason;
      const { appends, heads } = jointAppends(members, load(streams), decide, now);
      if (appends.length === 0) return heads;
      const rows = appends.map((append) => rowFromAppend(append, keysOf));
      const result = await write({ joint: rows }, streams[0] ?? "");
      if (result === "appended") return heads;
      const refusal = refusalFrom(result);
      if (refusal !== undefined) throw refusal;
      observer?.retried("conflict");
    }
    throw new StoreOverloadedError(`lost ${maxLostRaces} races for streams`, retryAfterMs);
  };
}
