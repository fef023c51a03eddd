import {
  type Decide,
  type Decision,
  type Head,
  type Micros,
  UniqueKeyTakenError,
  type Waiter,
} from "../event-store.ts";
import type { DecideAll, Member } from "../joint-change.ts";
import { ReceiptTakenError } from "../receipts.ts";
import type { Append, AppendResult, Tip } from "./append.ts";
import { appendFromDecision } from "./append-from-decision.ts";

/** What a joint change writes, and the heads that it leads to, in the order of its members. */
export type JointAppends = {
  readonly appends: readonly Append[];
  readonly heads: readonly Head<unknown>[];
};

/**
 * How an engine stores a joint change, while nothing else of this process changes the members. Other processes may
 * try: PostgreSQL locks the heads, and SQLite decides again at once, up to 32 times.
 *
 * @param signal If it is aborted before the change is decided, the change is dropped.
 * @returns The heads after the change.
 */
export type CommitAll = (
  members: readonly Member[],
  decide: DecideAll<unknown>,
  signal: Waiter | undefined,
) => Promise<readonly Head<unknown>[]>;

/** A change of one stream, as a joint change of this stream alone. */
export function jointly(decide: Decide<unknown>): DecideAll<unknown> {
  return ([head]) => {
    const { receipt, ...decision } = decide(head);
    if (receipt === undefined) return { decisions: [decision] };
    const { owner, name, contentOf } = receipt;
    const contentOfAll = ([after]: readonly Omit<Head<unknown>, "state">[]) =>
      contentOf(after as Head<unknown>);
    return { decisions: [decision], receipt: { owner, name, contentOf: contentOfAll } };
  };
}

/**
 * Decide a joint change.
 *
 * @param tips The latest of all members, in their order.
 * @throws What `decide` throws.
 * @throws TypeError if a member has no stream, and is not refused.
 */
export function jointAppends(
  members: readonly Member[],
  tips: readonly (Tip | undefined)[],
  decide: DecideAll<unknown>,
  now: () => Micros,
): JointAppends {
  const owned = members.map(({ organization }, place) => {
    const tip = tips[place];
    return tip?.head.organization === organization ? tip : undefined;
  });
  const { decisions, receipt } = decide(owned.map((tip) => tip?.head));
  const appends: Append[] = [];
  const heads = members.map(({ stream, organization }, place) => {
    const tip = owned[place];
    if (tip === undefined) throw new TypeError("a joint change cannot begin a stream");
    const decision = decisions[place] as Decision<unknown>;
    if (decision.events.length === 0) return tip.head;
    const alone = { ...decision, receipt: undefined };
    const append = appendFromDecision(stream, tip, organization, alone, now);
    appends.push(append);
    return append.head;
  });
  const [first, ...others] = appends;
  if (first === undefined || receipt === undefined) return { appends, heads };
  const { owner, name, contentOf } = receipt;
  const withReceipt = { ...first, receipt: { owner, name, content: contentOf(heads), at: now() } };
  return { appends: [withReceipt, ...others], heads };
}

/**
 * Why a joint change is not stored; `undefined` if it is, or if another process was faster, which is a "conflict".
 *
 * @param result Of the first append that was refused.
 */
export function refusalFrom(result: AppendResult | undefined): Error | undefined {
  if (result === "unique-key-taken") {
    return new UniqueKeyTakenError("another stream holds this unique key");
  }
  if (result === "receipt-taken") return new ReceiptTakenError("the name of the receipt is taken");
  return undefined;
}
