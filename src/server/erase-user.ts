import { advance } from "../domain/human.ts";
import { type HumanState, initialState } from "../domain/human-state.ts";
import type { EventStore, Head } from "../store/event-store.ts";

/** What is known of a user before it is erased. */
export type Erasable = {
  readonly organization: string;
  /** `undefined` if it was removed. */
  readonly userName: string | undefined;
};

/** @returns `undefined` if nobody ever had the id. */
export async function findErasable(
  store: Pick<EventStore, "loadOnInstance">,
  userId: string,
): Promise<Erasable | undefined> {
  const head = await store.loadOnInstance<HumanState>(userId);
  if (head === undefined) return undefined;
  const { organization, state } = head;
  return { organization, userName: state.kind === "present" ? state.userName : undefined };
}

/**
 * Erase a user without a call, so that the change has no editor.
 *
 * @throws What `EventStore.change` throws.
 */
export function eraseUser(
  store: Pick<EventStore, "change">,
  userId: string,
  { organization }: Erasable,
): Promise<Head<HumanState>> {
  return store.change<HumanState>(userId, organization, (head) => {
    const { events, ...step } = advance({ type: "erase" }, head?.state ?? initialState);
    return { ...step, events: events.map((event) => ({ ...event, creator: "" })) };
  });
}
