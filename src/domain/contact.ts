import { trim } from "../text/trim.ts";
import { ServiceError } from "./errors.ts";
import { type Account, type HumanEvent, type HumanState, present } from "./human-state.ts";

type Email = {
  /** Trimmed before it is compared and stored. */
  readonly email: string;
  readonly isVerified: boolean;
};
type Phone = {
  /** E.164; `undefined` if the text sent is no phone number. */
  readonly phone: string | undefined;
  readonly isVerified: boolean;
};

/** Of v1, where the same address may be sent again to say that it is verified. */
export type ChangeEmail = Email & { readonly type: "change-email" };
/** Of v1, where the same number may be sent again to say that it is verified. */
export type ChangePhone = Phone & { readonly type: "change-phone" };
/** Of v1, which refuses to remove a phone that is not there. */
export type RemovePhone = { readonly type: "remove-phone" };
/** Of v2, where the same address is refused, whether or not it is verified. */
export type SetEmail = Email & { readonly type: "set-email" };
/** Of v2, where the same number is refused, whether or not it is verified. */
export type SetPhone = Phone & { readonly type: "set-phone" };
/** Of v2, where it is no error if there is no phone. */
export type ClearPhone = { readonly type: "clear-phone" };

/** Every command for an e-mail address or a phone alone. */
export type ContactCommand =
  | ChangeEmail
  | ChangePhone
  | RemovePhone
  | SetEmail
  | SetPhone
  | ClearPhone;

/**
 * Change the e-mail address or the phone.
 *
 * @throws ServiceError `phoneInvalid`; if the human is absent or removed, the `…NotFound` of the command; if
 *   nothing would change, `emailNotChanged`, `phoneNotChanged`, `setEmailNotChanged`, `setPhoneNotChanged`;
 *   `phoneNotFound` if there is no phone to be removed.
 */
export function changeContact(command: ContactCommand, state: HumanState): readonly HumanEvent[] {
  switch (command.type) {
    case "change-email":
      return changeEmail(command, present(state, "changeEmailNotFound"));
    case "change-phone": {
      const number = knownPhone(command.phone);
      return changePhone(number, command.isVerified, present(state, "changePhoneNotFound"));
    }
    case "remove-phone":
      return removePhone(present(state, "removePhoneNotFound"));
    case "set-email":
      return setEmail(command, present(state, "setEmailNotFound"));
    case "set-phone": {
      const number = knownPhone(command.phone);
      return setPhone(number, command.isVerified, present(state, "setPhoneNotFound"));
    }
    case "clear-phone":
      return phoneRemovedEvents(present(state, "setPhoneNotFound"));
  }
}

function changeEmail({ email, isVerified }: ChangeEmail, before: Account): readonly HumanEvent[] {
  const events = emailEvents(before, trim(email), isVerified);
  if (events.length === 0) throw new ServiceError("emailNotChanged");
  return events;
}

function changePhone(number: string, isVerified: boolean, before: Account): readonly HumanEvent[] {
  const events = phoneEvents(before, number, isVerified);
  if (events.length === 0) throw new ServiceError("phoneNotChanged");
  return events;
}

function removePhone(before: Account): readonly HumanEvent[] {
  if (before.phone === "") throw new ServiceError("phoneNotFound");
  return phoneRemovedEvents(before);
}

function setEmail({ email, isVerified }: SetEmail, before: Account): readonly HumanEvent[] {
  const address = trim(email);
  if (address === before.email) throw new ServiceError("setEmailNotChanged");
  return emailEvents(before, address, isVerified);
}

function setPhone(number: string, isVerified: boolean, before: Account): readonly HumanEvent[] {
  if (number === before.phone) throw new ServiceError("setPhoneNotChanged");
  return phoneEvents(before, number, isVerified);
}

/**
 * What leads to this address and, if `isVerified`, to a verified one; empty if it is so already.
 *
 * A new address is not verified until an event says so. An address that is verified stays so.
 */
export function emailEvents(
  before: Pick<Account, "email" | "isEmailVerified">,
  email: string,
  isVerified: boolean,
): readonly HumanEvent[] {
  const changed: HumanEvent = { type: "user.human.email.changed", data: { email } };
  const verified: HumanEvent = { type: "user.human.email.verified", data: {} };
  if (email !== before.email) return isVerified ? [changed, verified] : [changed];
  return isVerified && !before.isEmailVerified ? [verified] : [];
}

/** What leads to this number, as `emailEvents` does for an address. */
export function phoneEvents(
  before: Pick<Account, "phone" | "isPhoneVerified">,
  phone: string,
  isVerified: boolean,
): readonly HumanEvent[] {
  const changed: HumanEvent = { type: "user.human.phone.changed", data: { phone } };
  const verified: HumanEvent = { type: "user.human.phone.verified", data: {} };
  if (phone !== before.phone) return isVerified ? [changed, verified] : [changed];
  return isVerified && !before.isPhoneVerified ? [verified] : [];
}

/** Empty if there is no phone. */
export function phoneRemovedEvents({ phone }: Pick<Account, "phone">): readonly HumanEvent[] {
  return phone === "" ? [] : [{ type: "user.human.phone.removed", data: {} }];
}

/** @throws ServiceError `phoneInvalid` if the text sent is no phone number. */
export function knownPhone(phone: string | undefined): string {
  if (phone === undefined) throw new ServiceError("phoneInvalid");
  return phone;
}
