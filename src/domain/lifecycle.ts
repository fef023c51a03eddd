import { type ErrorKey, ServiceError } from "./errors.ts";
import {
  type HumanEvent,
  type HumanState,
  type HumanStatus,
  type LifecycleEventType,
  present,
} from "./human-state.ts";

/** Both versions of the API do the same, but refuse with errors of their own. */
export type ApiVersion = "v1" | "v2";

/** Changes the status. */
export type Transition = {
  readonly type: keyof typeof transitions;
  /** Whose errors to refuse with. Default: `v1`. */
  readonly api?: ApiVersion;
};

/** Removes a human for good. */
export type RemoveHuman = {
  readonly type: "remove";
  /** Whose errors to refuse with. Default: `v1`. */
  readonly api?: ApiVersion;
};

/** Removes a human, and erases everything that was stored of it but ids, versions, types and times of events. */
export type EraseHuman = { readonly type: "erase" };

type Refusals = Readonly<
  Record<ApiVersion, { readonly missing: ErrorKey; readonly refused: ErrorKey }>
>;

/** Per command: the statuses that allow it, its event, and the errors of both versions. */
const transitions = {
  deactivate: {
    event: "user.deactivated",
    from: ["active", "locked"],
    v1: { missing: "deactivateNotFound", refused: "alreadyInactive" },
    v2: { missing: "deactivateUserNotFound", refused: "userAlreadyInactive" },
  },
  reactivate: {
    event: "user.reactivated",
    from: ["inactive"],
    v1: { missing: "reactivateNotFound", refused: "notInactive" },
    v2: { missing: "reactivateUserNotFound", refused: "userNotInactive" },
  },
  lock: {
    event: "user.locked",
    from: ["active"],
    v1: { missing: "lockNotFound", refused: "notLockable" },
    v2: { missing: "lockUserNotFound", refused: "userNotLockable" },
  },
  unlock: {
    event: "user.unlocked",
    from: ["locked"],
    v1: { missing: "unlockNotFound", refused: "notLocked" },
    v2: { missing: "unlockUserNotFound", refused: "userNotLocked" },
  },
} as const satisfies Record<string, { event: LifecycleEventType; from: HumanStatus[] } & Refusals>;

const removeMissing = {
  v1: "removeNotFound",
  v2: "deleteUserNotFound",
} as const satisfies Record<ApiVersion, ErrorKey>;

/**
 * Change the status.
 *
 * @throws ServiceError the `missing` of the table if the human is absent or removed, its `refused` if
 *   the status does not allow the transition.
 */
export function transition({ type, api = "v1" }: Transition, state: HumanState): HumanEvent {
  const { event, from, [api]: refusals } = transitions[type];
  const allowed: readonly HumanStatus[] = from;
  if (!allowed.includes(present(state, refusals.missing).status)) {
    throw new ServiceError(refusals.refused);
  }
  return { type: event, data: {} };
}

/** @throws ServiceError `removeNotFound` or `deleteUserNotFound` if the human is absent or removed. */
export function remove({ api = "v1" }: RemoveHuman, state: HumanState): HumanEvent {
  present(state, removeMissing[api]);
  return { type: "user.removed", data: {} };
}

/**
 * @returns Nothing for a human who has been erased.
 * @throws ServiceError `userNotFound` if there was never such a human.
 */
export function erase(state: HumanState): readonly HumanEvent[] {
  if (state.kind === "absent") throw new ServiceError("userNotFound");
  if (state.kind === "removed" && state.isErased) return [];
  const erased: HumanEvent = { type: "user.erased", data: {} };
  return state.kind === "removed" ? [erased] : [{ type: "user.removed", data: {} }, erased];
}
