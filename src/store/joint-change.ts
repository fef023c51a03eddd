import type { Decision, Head } from "./event-store.ts";
import type { ReceiptContent, ReceiptName } from "./receipts.ts";

/** A stream that changes together with others. */
export type Member = { readonly stream: string; readonly organization: string };

/** Streams that may change together. They are written in one transaction, which others wait for. */
export const maxMembers = 1_000;

/** What a joint change writes. */
export type JointDecision<State> = {
  /** One for each member, in order. Each may have no events; receipts of their own are not stored. */
  readonly decisions: readonly Omit<Decision<State>, "receipt">[];
  /** Stored in the transaction of the events. If no decision has events, none is stored. */
  readonly receipt?: JointReceipt | undefined;
};

/** A receipt that is stored with a joint change, or not at all. */
export type JointReceipt = ReceiptName & {
  /** Pure. Called with the heads that the change leads to, in the order of the members. */
  readonly contentOf: (heads: readonly Omit<Head<unknown>, "state">[]) => ReceiptContent;
};

/**
 * Decides what a joint change writes. Pure. It is called again with newer heads if another writer was faster.
 *
 * @param heads In the order of the members; `undefined` where the organization owns no such stream. No decision may
 *   begin a stream, so there it must refuse.
 * @throws Whatever refuses the change; `changeAll` rejects with it.
 */
export type DecideAll<State> = (
  heads: readonly (Head<State> | undefined)[],
) => JointDecision<State>;

/**
 * Change several streams in one transaction: all that is decided is stored, or nothing is.
 *
 * The change waits for its turn in the queue of every member, and the members wait for it. It is decided on the
 * latest durable heads of all members, so that no other change can come between. Other streams do not wait,
 * but for the time that the database needs to write.
 *
 * @param members At most `maxMembers`, no stream twice.
 * @param signal Aborted when the caller no longer waits. If it is aborted before all turns are there, the change is
 *   dropped.
 * @returns The heads after the change, in the order of the members. They are durable.
 * @throws What `decide` throws, the signal's reason, and what `EventStore.change` throws. Nothing was stored, unless it
 *   is OutcomeUnknownError: then all may be stored.
 */
export type ChangeAll = <State>(
  members: readonly Member[],
  decide: DecideAll<State>,
  signal?: AbortSignal,
) => Promise<readonly Head<State>[]>;
