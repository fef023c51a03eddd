import { trim } from "../text/trim.ts";
import { emailEvents, knownPhone, phoneEvents, phoneRemovedEvents } from "./contact.ts";
import { type HumanEvent, type HumanState, type PresentHuman, present } from "./human-state.ts";
import { changedFields, type Profile } from "./profile.ts";
import { userNameEvents } from "./user-name.ts";

/** Of v2: what is not named stays as it is. */
export type UpdateHuman = {
  readonly type: "update";
  /** Stored verbatim. */
  readonly userName?: string;
  readonly profile?: Partial<Profile>;
  readonly email?: {
    /** Trimmed before it is compared and stored. */
    readonly address: string;
    /** Default: `false`, which leaves the same address verified if it is. */
    readonly isVerified?: boolean;
  };
  readonly phone?: "remove" | UpdatedPhone;
};

type UpdatedPhone = {
  /** E.164; `undefined` if the text sent is no phone number. */
  readonly number: string | undefined;
  /** Default: `false`, which leaves the same number verified if it is. */
  readonly isVerified?: boolean;
};

/**
 * Change what differs, with one event per fact.
 *
 * @returns Empty if nothing differs.
 * @throws ServiceError `phoneInvalid`, and `updateUserNotFound` if the human is absent or removed.
 */
export function update(command: UpdateHuman, state: HumanState): readonly HumanEvent[] {
  const changePhone = phoneChange(command.phone);
  const before = present(state, "updateUserNotFound");
  const { userName = before.userName, profile = {}, email } = command;
  const address = email === undefined ? before.email : trim(email.address);
  return [
    ...userNameEvents(before, userName),
    ...profileEvents(before, profile),
    ...emailEvents(before, address, email?.isVerified ?? false),
    ...changePhone(before),
  ];
}

/** The number is judged before the human is looked at, as in ZITADEL. */
function phoneChange(phone: UpdateHuman["phone"]): (before: PresentHuman) => readonly HumanEvent[] {
  if (phone === undefined) return () => [];
  if (phone === "remove") return phoneRemovedEvents;
  const number = knownPhone(phone.number);
  return (before) => phoneEvents(before, number, phone.isVerified ?? false);
}

function profileEvents(before: PresentHuman, profile: Partial<Profile>): readonly HumanEvent[] {
  const data = changedFields(before.profile, profile);
  const isChanged = Object.keys(data).length > 0;
  return isChanged ? [{ type: "user.human.profile.changed", data }] : [];
}
