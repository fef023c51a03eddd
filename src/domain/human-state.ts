import { type ErrorKey, ServiceError } from "./errors.ts";
import type { Profile } from "./profile.ts";

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

/** Can be stored as JSON; see `usual-members.ts` of the store for what the stored text lacks. */
export type HumanState = { readonly kind: "absent" } | RemovedHuman | PresentHuman;

/** A human who was removed. Only the id is left, and the history, unless it was erased. */
export type RemovedHuman = {
  readonly kind: "removed";
  /** Whether the history has no values any more; left out if it has them. */
  readonly isErased?: true;
};

/** A human who was added and not removed. */
export type PresentHuman = Account & {
  readonly kind: "present";
  readonly status: HumanStatus;
  readonly profile: Profile;
  /** How many changes of metadata there were; left out if there was none. The metadata is not in the state. */
  readonly metadataChanges?: number;
};

/** The state before the first event. */
export const initialState: HumanState = { kind: "absent" };

type Nothing = Readonly<Record<string, never>>;

/** Types and payload keys are ZITADEL's (internal/repository/user). */
export type HumanEvent =
  | { readonly type: "user.human.added"; readonly data: Account & Profile }
  | { readonly type: "user.human.profile.changed"; readonly data: Partial<Profile> }
  | { readonly type: "user.username.changed"; readonly data: { readonly userName: string } }
  | { readonly type: "user.human.email.changed"; readonly data: { readonly email: string } }
  | { readonly type: "user.human.phone.changed"; readonly data: { readonly phone: string } }
  | { readonly type: "user.metadata.set"; readonly data: MetadataSet }
  | { readonly type: "user.metadata.removed"; readonly data: { readonly key: string } }
  | {
      readonly type: ContactEventType | LifecycleEventType | ForeignEventType;
      readonly data: Nothing;
    };

/** The value is in base64. */
type MetadataSet = { readonly key: string; readonly value: string };

type ContactEventType =
  | "user.human.email.verified"
  | "user.human.phone.verified"
  | "user.human.phone.removed";

/** What happened in ZITADEL and no command does here. */
type ForeignEventType = "user.metadata.removed.all";

/** The events that change the status, the one that ends it, and our own that erases what was stored before. */
export type LifecycleEventType =
  | "user.deactivated"
  | "user.reactivated"
  | "user.locked"
  | "user.unlocked"
  | "user.removed"
  | "user.erased";

/** Fold one event into the state. Total: every event has a next state. */
export function evolve(state: HumanState, event: HumanEvent): HumanState {
  if (event.type === "user.human.added") return added(event.data);
  if (event.type === "user.removed") return { kind: "removed" };
  if (event.type === "user.erased") return { kind: "removed", isErased: true };
  return state.kind === "present" ? { ...state, ...changes(state, event) } : state;
}

type Change = Exclude<HumanEvent, { readonly type: "user.human.added" }>;

/** What is new about a human who is present. A new address or number is not verified. */
function changes(state: PresentHuman, event: Change): Partial<PresentHuman> {
  switch (event.type) {
    case "user.human.profile.changed":
      return { profile: { ...state.profile, ...event.data } };
    case "user.username.changed":
      return { userName: event.data.userName };
    case "user.human.email.changed":
      return { email: event.data.email, isEmailVerified: false };
    case "user.human.email.verified":
      return { isEmailVerified: true };
    case "user.human.phone.changed":
      return { phone: event.data.phone, isPhoneVerified: false };
    case "user.human.phone.verified":
      return { isPhoneVerified: true };
    case "user.human.phone.removed":
      return { phone: "", isPhoneVerified: false };
    case "user.deactivated":
      return { status: "inactive" };
    case "user.locked":
      return { status: "locked" };
    case "user.reactivated":
    case "user.unlocked":
      return { status: "active" };
    case "user.metadata.set":
    case "user.metadata.removed":
    case "user.metadata.removed.all":
      return { metadataChanges: (state.metadataChanges ?? 0) + 1 };
    case "user.removed":
    case "user.erased":
      return {};
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

/** @throws ServiceError `missing` if the human is absent or removed. */
export function present(state: HumanState, missing: ErrorKey): PresentHuman {
  if (state.kind !== "present") throw new ServiceError(missing);
  return state;
}
