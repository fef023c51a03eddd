import type { HumanState, PresentHuman } from "../../../domain/human-state.ts";
import { userNameKey } from "../../../domain/user-name.ts";
import type { EventStore, Head } from "../../../store/event-store.ts";

/** How often a name is looked for. It may pass to somebody else between two reads, but not often in a row. */
const maxAttempts = 4;

/** Who has a user name. */
export type Namesake = {
  readonly id: string;
  readonly head: Head<HumanState>;
  readonly human: PresentHuman;
};

/**
 * Whoever on the instance has this user name, in any case; `undefined` if nobody does.
 *
 * Where a name is and who is there are two reads, and the user may get another name in between. So what was
 * read counts only if the user still has the name.
 */
export async function findUserName(
  store: EventStore,
  userName: string,
): Promise<Namesake | undefined> {
  const key = userNameKey(userName);
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const place = await store.locate(key);
    if (place === undefined) return undefined;
    const head = await store.load<HumanState>(place.stream, place.organization);
    if (head?.state.kind === "present" && userNameKey(head.state.userName) === key) {
      return { id: place.stream, head, human: head.state };
    }
  }
  return undefined;
}
