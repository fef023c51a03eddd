import { type AddHuman, add } from "./add-human.ts";
import { type ContactCommand, changeContact } from "./contact.ts";
import { ServiceError } from "./errors.ts";
import { evolve, type HumanEvent, type HumanState, present } from "./human-state.ts";
import {
  type EraseHuman,
  erase,
  type RemoveHuman,
  remove,
  type Transition,
  transition,
} from "./lifecycle.ts";
import { metadataChangesOf } from "./metadata.ts";
import { changedFields, type Profile } from "./profile.ts";
import { type UpdateHuman, update } from "./update-human.ts";
import { type ChangeUserName, changeUserName, hasSameUniqueKeys, uniqueKeys } from "./user-name.ts";

/** Of v1: replaces the fields that are given, which are all unless the caller names some. */
type ChangeProfile = { readonly type: "change-profile"; readonly profile: Partial<Profile> };

/** What can be done to a human. */
export type HumanCommand =
  | AddHuman
  | ChangeProfile
  | ChangeUserName
  | ContactCommand
  | UpdateHuman
  | Transition
  | RemoveHuman
  | EraseHuman;

/**
 * Decide what a command changes. Pure: no clock, no I/O, no ids.
 *
 * @returns One event per fact, in order; none if nothing changes, which only commands of v2 and our own allow.
 * @throws ServiceError what `add`, `changeProfile`, `changeUserName`, `changeContact`, `update`, `transition`
 *   `remove` and `erase` throw.
 */
export function decide(command: HumanCommand, state: HumanState): readonly HumanEvent[] {
  switch (command.type) {
    case "add":
      return [add(command, state)];
    case "change-profile":
      return [changeProfile(command, state)];
    case "change-user-name":
      return changeUserName(command, state);
    case "change-email":
    case "change-phone":
    case "remove-phone":
    case "set-email":
    case "set-phone":
    case "clear-phone":
      return changeContact(command, state);
    case "update":
      return update(command, state);
    case "deactivate":
    case "reactivate":
    case "lock":
    case "unlock":
      return [transition(command, state)];
    case "remove":
      return [remove(command, state)];
    case "erase":
      return erase(state);
  }
}

/**
 * @throws ServiceError `profileNotFound` if the human is absent or removed, `profileNotChanged` if no field
 *   differs.
 */
function changeProfile({ profile }: ChangeProfile, state: HumanState): HumanEvent {
  const data = changedFields(present(state, "profileNotFound").profile, profile);
  if (Object.keys(data).length === 0) throw new ServiceError("profileNotChanged");
  return { type: "user.human.profile.changed", data };
}

/** The result of a command. */
export type Step = {
  readonly events: readonly HumanEvent[];
  /** After the last event. */
  readonly state: HumanState;
  /** The names that nobody else may hold from now on; left out if they are the same as before. */
  readonly uniqueKeys?: readonly string[];
  /** If the human has no metadata any more; left out if it had none. */
  readonly attributes?: "remove-all";
  /** If what was stored before is to be forgotten. */
  readonly erases?: true;
};

/**
 * Decide a command and fold its events into the state.
 *
 * @throws ServiceError what `decide` throws.
 */
export function advance(command: HumanCommand, before: HumanState): Step {
  const events = decide(command, before);
  const state = events.reduce(evolve, before);
  if (command.type === "erase") {
    return { events, state, uniqueKeys: [], attributes: "remove-all", erases: true };
  }
  if (hasSameUniqueKeys(before, state)) return { events, state };
  const step = { events, state, uniqueKeys: uniqueKeys(state) };
  const losesMetadata = state.kind === "removed" && metadataChangesOf(before) > 0;
  return losesMetadata ? { ...step, attributes: "remove-all" } : step;
}
