import type { ErrorKey } from "../../../domain/errors.ts";
import { ServiceError } from "../../../domain/errors.ts";
import type { HumanState, PresentHuman } from "../../../domain/human-state.ts";
import type { Directory } from "../../../store/directory.ts";
import type { EventStore, Head } from "../../../store/event-store.ts";

/** What a method answers with if there is no such human. */
export type Refusals = {
  /** The organization has no such user, or the human was removed. */
  readonly missing: ErrorKey;
  /** The user is a machine. */
  readonly machine: ErrorKey;
};

/** Reads a human of one organization. Sees every change that was acknowledged before. */
export type LoadHuman = (
  userId: string,
  organization: string,
  refusals: Refusals,
) => Promise<{ readonly head: Head<HumanState>; readonly human: PresentHuman }>;

/** @returns Throws ServiceError one of the refusals. */
export function createLoadHuman(store: EventStore, directory: Directory): LoadHuman {
  return async (userId, organization, { missing, machine }) => {
    const head = await store.load<HumanState>(userId, organization);
    if (head?.state.kind === "present") return { head, human: head.state };
    const account = await directory.serviceAccount(userId);
    throw new ServiceError(account?.organization === organization ? machine : missing);
  };
}
