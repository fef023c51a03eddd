import { lowerCase } from "../text/lower-case.ts";
import { trim } from "../text/trim.ts";
import { type ErrorKey, ServiceError } from "./errors.ts";
import { changedFields, displayNameOrDefault, type Profile } from "./profile.ts";

/** A person's user name, e-mail address and phone. */
export type Account = {
  /** Unique on the instance, whatever its case. */
  readonly userName: string;
  readonly email: string;
  readonly isEmailVerified: boolean;
  /** E.164, or `""` if there is none. Phones of old events are as they were sent. */
  readonly phone: string;
  readonly isPhoneVerified: boolean;
};

/** Only an active human may use this API. */
export type HumanStatus = "active" | "inactive" | "locked";

/** Can be stored as JSON. Of a removed human only the id is left. */
export type HumanState = { readonly kind: "absent" } | { readonly kind: "removed" } | PresentHuman;

/** A human who was added and not removed. */
export type PresentHuman = Account & {
  readonly kind: "present";
  readonly status: HumanStatus;
  readonly profile: Profile;
};

/** The state before the first event. */
export const initialState: HumanState = { kind: "absent" };

type Nothing = Readonly<Record<string, never>>;

/** Types and payload keys are ZITADEL's (internal/repository/user). */
export type HumanEvent =
  | { readonly type: "user.human.added"; readonly data: Account & Profile }
  | { readonly type: "user.human.profile.changed"; readonly data: Partial<Profile> }
  | { readonly type: LifecycleEventType; readonly data: Nothing };

type LifecycleEventType =
  | "user.deactivated"
  | "user.reactivated"
  | "user.locked"
  | "user.unlocked"
  | "user.removed";

type AddHuman = Omit<Account, "phone"> & {
  readonly type: "add";
  /** `""` if there is none; `undefined` if the text sent is no phone number. */
  readonly phone: string | undefined;
  readonly profile: Profile;
  /**
   * Store the profile as it is, because it was stored before, such as in an export. Default: first and
   * last name are trimmed and must not be blank, and a blank display name is made from them.
   */
  readonly isVerbatim?: boolean;
};
type ChangeProfile = { readonly type: "change-profile"; readonly profile: Profile };
type Transition = { readonly type: keyof typeof transitions };

/** What can be done to a human. */
export type HumanCommand = AddHuman | ChangeProfile | Transition | { readonly type: "remove" };

/** Per command: the statuses that allow it, its event, and its errors. */
const transitions = {
  deactivate: {
    event: "user.deactivated",
    from: ["active", "locked"],
    missing: "deactivateNotFound",
    refused: "alreadyInactive",
  },
  reactivate: {
    event: "user.reactivated",
    from: ["inactive"],
    missing: "reactivateNotFound",
    refused: "notInactive",
  },
  lock: {
    event: "user.locked",
    from: ["active"],
    missing: "lockNotFound",
    refused: "notLockable",
  },
  unlock: {
    event: "user.unlocked",
    from: ["locked"],
    missing: "unlockNotFound",
    refused: "notLocked",
  },
} as const satisfies Record<
  string,
  { event: LifecycleEventType; from: HumanStatus[]; missing: ErrorKey; refused: ErrorKey }
>;

/**
 * Decide what a command changes. Pure: no clock, no I/O, no ids.
 *
 * @returns One event per fact, in order; none if nothing changes.
 * @throws ServiceError `userAlreadyExists` if a human to be added exists or was removed: ids are
 *   never used again.
 * @throws ServiceError `userNameBlank`, `firstNameBlank`, `lastNameBlank` if a human to be added has
 *   such a name of white space only.
 * @throws ServiceError `phoneInvalid` if a human to be added has a phone that is no phone number.
 * @throws ServiceError `profileNotFound`, or the `…NotFound` of the command, if the human is absent or
 *   removed.
 * @throws ServiceError `profileNotChanged` if no field differs.
 * @throws ServiceError `alreadyInactive`, `notInactive`, `notLockable`, `notLocked` if the status
 *   does not allow the transition.
 */
export function decide(command: HumanCommand, state: HumanState): readonly HumanEvent[] {
  switch (command.type) {
    case "add":
      return [add(command, state)];
    case "change-profile":
      return [changeProfile(command, state)];
    case "deactivate":
    case "reactivate":
    case "lock":
    case "unlock":
      return [transition(command, state)];
    case "remove":
      present(state, "removeNotFound");
      return [{ type: "user.removed", data: {} }];
  }
}

/** Names and the e-mail address are trimmed only here: as in ZITADEL, an update stores names verbatim. */
function add(
  { type: _, profile, isVerbatim = false, phone, ...given }: AddHuman,
  state: HumanState,
): HumanEvent {
  if (state.kind !== "absent") throw new ServiceError("userAlreadyExists");
  const userName = filled(given.userName, "userNameBlank");
  const others = { ...given, email: trim(given.email) };
  if (isVerbatim) {
    const account = { ...others, phone: known(phone) };
    return { type: "user.human.added", data: { ...account, userName, ...profile } };
  }
  const firstName = filled(profile.firstName, "firstNameBlank");
  const lastName = filled(profile.lastName, "lastNameBlank");
  const named = { ...profile, firstName, lastName };
  const account = { ...others, phone: known(phone) };
  const displayName = displayNameOrDefault(named, account.email, userName);
  return { type: "user.human.added", data: { ...account, userName, ...named, displayName } };
}

function changeProfile({ profile }: ChangeProfile, state: HumanState): HumanEvent {
  const data = changedFields(present(state, "profileNotFound").profile, profile);
  if (Object.keys(data).length === 0) throw new ServiceError("profileNotChanged");
  return { type: "user.human.profile.changed", data };
}

function transition(command: Transition, state: HumanState): HumanEvent {
  const { event, from, missing, refused } = transitions[command.type];
  const allowed: readonly HumanStatus[] = from;
  if (!allowed.includes(present(state, missing).status)) throw new ServiceError(refused);
  return { type: event, data: {} };
}

function present(state: HumanState, missing: ErrorKey): PresentHuman {
  if (state.kind !== "present") throw new ServiceError(missing);
  return state;
}

function known(phone: string | undefined): string {
  if (phone === undefined) throw new ServiceError("phoneInvalid");
  return phone;
}

function filled(text: string, blank: ErrorKey): string {
  const trimmed = trim(text);
  if (trimmed === "") throw new ServiceError(blank);
  return trimmed;
}

/** Fold one event into the state. Total: every event has a next state. */
export function evolve(state: HumanState, event: HumanEvent): HumanState {
  switch (event.type) {
    case "user.human.added":
      return added(event.data);
    case "user.human.profile.changed":
      return state.kind === "present"
        ? { ...state, profile: { ...state.profile, ...event.data } }
        : state;
    case "user.deactivated":
      return withStatus(state, "inactive");
    case "user.locked":
      return withStatus(state, "locked");
    case "user.reactivated":
    case "user.unlocked":
      return withStatus(state, "active");
    case "user.removed":
      return { kind: "removed" };
  }
}

function added(data: Account & Profile): PresentHuman {
  const { userName, email, isEmailVerified, phone, isPhoneVerified, ...profile } = data;
  return {
    kind: "present",
    status: "active",
    userName,
    email,
    isEmailVerified,
    phone,
    isPhoneVerified,
    profile,
  };
}

function withStatus(state: HumanState, status: HumanStatus): HumanState {
  return state.kind === "present" ? { ...state, status } : state;
}

/** The result of a command. */
export type Step = {
  readonly events: readonly HumanEvent[];
  /** After the last event. */
  readonly state: HumanState;
  /** The names that nobody else may hold from now on; left out if they are the same as before. */
  readonly uniqueKeys?: readonly string[];
};

/**
 * Decide a command and fold its events into the state.
 *
 * @throws ServiceError what `decide` throws.
 */
export function advance(command: HumanCommand, before: HumanState): Step {
  const events = decide(command, before);
  const state = events.reduce(evolve, before);
  return hasSameKeys(before, state)
    ? { events, state }
    : { events, state, uniqueKeys: uniqueKeys(state) };
}

/** Without lower-casing names in the usual case, in which the name is the same. */
function hasSameKeys(before: HumanState, after: HumanState): boolean {
  if (before.kind !== "present" || after.kind !== "present") return before.kind === after.kind;
  const { userName } = before;
  return userName === after.userName || userNameKey(userName) === userNameKey(after.userName);
}

/** The names that nobody else may hold while this state lasts. */
export function uniqueKeys(state: HumanState): readonly string[] {
  return state.kind === "present" ? [userNameKey(state.userName)] : [];
}

/** The name by which the store finds whoever has this user name, in any case. */
export function userNameKey(userName: string): string {
  return `user-name:${lowerCase(userName)}`;
}
