import { Buffer } from "node:buffer";
import { emailEvents, phoneEvents, phoneRemovedEvents } from "../domain/contact.ts";
import {
  evolve,
  type HumanEvent,
  type HumanState,
  type HumanStatus,
  type PresentHuman,
} from "../domain/human-state.ts";
import { changedFields } from "../domain/profile.ts";
import { hasSameUniqueKeys, uniqueKeys, userNameEvents } from "../domain/user-name.ts";
import type { Attribute, AttributeChange } from "../store/attributes.ts";
import type { Decision } from "../store/event-store.ts";

/** What makes one state of a human of another, without whoever causes it. */
export type Differences = Omit<Decision<HumanState>, "events"> & {
  readonly events: readonly HumanEvent[];
};

/**
 * The events that lead from one state of a human to another; empty if there is no difference.
 *
 * @param metadata All that there is to be; `undefined`: it stays as it is.
 * @param known The metadata that there is.
 * @throws Error if the human was removed.
 */
export function differences(
  from: HumanState,
  to: PresentHuman,
  metadata: ReadonlyMap<string, Uint8Array> | undefined,
  known: readonly Attribute[],
): Differences {
  if (from.kind !== "present")
    throw new Error("the user was removed here, and ids are not used again");
  const attributes = metadata === undefined ? [] : attributeChanges(metadata, known);
  const events = [
    ...userNameEvents(from, to.userName),
    ...profileEvents(from, to),
    ...emailDifference(from, to),
    ...phoneDifference(from, to),
    ...statusEvents(from, to),
    ...attributes.map(metadataEvent),
  ];
  const state = events.reduce(evolve, from as HumanState);
  return {
    events,
    state,
    ...(!hasSameUniqueKeys(from, state) && { uniqueKeys: uniqueKeys(state) }),
    ...(attributes.length > 0 && { attributes }),
  };
}

function profileEvents(from: PresentHuman, to: PresentHuman): readonly HumanEvent[] {
  const data = changedFields(from.profile, to.profile);
  return Object.keys(data).length > 0 ? [{ type: "user.human.profile.changed", data }] : [];
}

/** An address that is not verified any more is set again. */
function emailDifference(from: PresentHuman, { email, isEmailVerified }: PresentHuman) {
  const isUnverified = from.isEmailVerified && !isEmailVerified && email === from.email;
  const before = isUnverified ? { ...from, email: "" } : from;
  return emailEvents(before, email, isEmailVerified);
}

function phoneDifference(from: PresentHuman, { phone, isPhoneVerified }: PresentHuman) {
  if (phone === "") return phoneRemovedEvents(from);
  const isUnverified = from.isPhoneVerified && !isPhoneVerified && phone === from.phone;
  const before = isUnverified ? { ...from, phone: "" } : from;
  return phoneEvents(before, phone, isPhoneVerified);
}

const towards = {
  inactive: { type: "user.deactivated", data: {} },
  locked: { type: "user.locked", data: {} },
} as const satisfies Record<Exclude<HumanStatus, "active">, HumanEvent>;

function statusEvents(from: PresentHuman, { status }: PresentHuman): readonly HumanEvent[] {
  if (from.status === status) return [];
  if (status !== "active") return [towards[status]];
  const type = from.status === "locked" ? "user.unlocked" : "user.reactivated";
  return [{ type, data: {} }];
}

function attributeChanges(
  wanted: ReadonlyMap<string, Uint8Array>,
  known: readonly Attribute[],
): AttributeChange[] {
  const before = new Map(known.map(({ key, value }) => [key, value]));
  const isSame = (key: string, value: Uint8Array) => {
    const old = before.get(key);
    return old !== undefined && Buffer.compare(old, value) === 0;
  };
  return [
    ...[...wanted].flatMap(([key, value]) => (isSame(key, value) ? [] : [{ key, value }])),
    ...[...before.keys()].flatMap((key) => (wanted.has(key) ? [] : [{ key, value: undefined }])),
  ];
}

function metadataEvent({ key, value }: AttributeChange): HumanEvent {
  if (value === undefined) return { type: "user.metadata.removed", data: { key } };
  const text = Buffer.from(value).toString("base64");
  return { type: "user.metadata.set", data: { key, value: text } };
}
