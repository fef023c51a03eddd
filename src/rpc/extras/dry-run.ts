import type { HumanState } from "../../domain/human-state.ts";
import {
  type EventStore,
  type Head,
  UniqueKeyTakenError,
  type Waiter,
} from "../../store/event-store.ts";
import type { HumanStep } from "../change-human.ts";

type Change = {
  readonly userId: string;
  readonly organization: string;
  /** Decides and refuses as for a real change. */
  readonly decide: (head: Head<HumanState> | undefined) => HumanStep;
  readonly signal: Waiter;
};

/** A change that would have added a user. It leaves the queue this way, because there is no head to answer with. */
class WouldAdd extends Error {
  override readonly name = "WouldAdd";
}

/**
 * Decide a change in the queue of the user, and store nothing.
 *
 * @returns The head as it is. For a user who would have been added: version 0, and no dates.
 * @throws What a real change throws.
 */
export async function rehearse(
  store: Pick<EventStore, "change" | "locate">,
  { userId, organization, decide, signal }: Change,
): Promise<Head<HumanState>> {
  let step: HumanStep | undefined;
  const decideNothing = (head: Head<HumanState> | undefined) => {
    step = decide(head);
    if (head === undefined) throw new WouldAdd();
    return { events: [], state: head.state };
  };
  const head = await store
    .change<HumanState>(userId, organization, decideNothing, signal)
    .catch((error: unknown) => {
      if (!(error instanceof WouldAdd) || step === undefined) throw error;
      return { version: 0, organization, createdAt: 0, changedAt: 0, state: step.state };
    });
  await assertFree(store, userId, step?.uniqueKeys ?? []);
  return head;
}

/** A real change leaves this to the transaction that stores it. */
async function assertFree(
  store: Pick<EventStore, "locate">,
  userId: string,
  keys: readonly string[],
): Promise<void> {
  for (const key of keys) {
    const holder = await store.locate(key);
    if (holder !== undefined && holder.stream !== userId) {
      throw new UniqueKeyTakenError("another stream holds this unique key");
    }
  }
}
