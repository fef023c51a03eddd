import type { AddHuman } from "../domain/add-human.ts";
import { ServiceError } from "../domain/errors.ts";
import type { HumanState } from "../domain/human-state.ts";
import { userNameKey } from "../domain/user-name.ts";
import type { EventStore, Head } from "../store/event-store.ts";
import { trim } from "../text/trim.ts";
import { isAdded } from "./management/messages/details.ts";

/** How many new ids are tried. Even one that is taken is extremely unlikely. */
const maxAttempts = 3;

/**
 * Add a human under a new id.
 *
 * @param newId Makes an id. Another server may have taken it.
 * @param add Adds the human under this id; throws ServiceError `userAlreadyExists` if the id or the user
 *   name is taken.
 * @throws ServiceError what `add` throws.
 */
export async function addUnderNewId(
  store: Pick<EventStore, "locate">,
  newId: () => string,
  { userName }: Pick<AddHuman, "userName">,
  add: (userId: string) => Promise<Head<HumanState>>,
): Promise<{ readonly userId: string; readonly head: Head<HumanState> }> {
  for (let attempt = 1; ; attempt++) {
    const userId = newId();
    try {
      const head = await add(userId);
      // A dry run adds nobody, so nobody gets the id.
      return { userId: isAdded(head) ? userId : "", head };
    } catch (error) {
      const isTaken = error instanceof ServiceError && error.key === "userAlreadyExists";
      if (!isTaken || attempt === maxAttempts) throw error;
      if ((await store.locate(userNameKey(trim(userName)))) !== undefined) throw error;
    }
  }
}
