import type { SetHumanEmail } from "../../../../gen/zitadel/user/v2/email_pb.ts";
import type { SetHumanPhone } from "../../../../gen/zitadel/user/v2/phone_pb.ts";
import type { Gender } from "../../../../gen/zitadel/user/v2/user_pb.ts";
import { type Profile, profileFrom } from "../../../domain/profile.ts";
import type { UpdateHuman } from "../../../domain/update-human.ts";
import { knownPhoneNumber, saysVerified } from "./contact.ts";

/** The part of a profile that a request names, in either call of v2 that updates people. */
export type NamedProfile = {
  readonly givenName?: string | undefined;
  readonly familyName?: string | undefined;
  readonly nickName?: string | undefined;
  readonly displayName?: string | undefined;
  readonly preferredLanguage?: string | undefined;
  readonly gender?: Gender | undefined;
};

/** What the request names of a human: nothing else is touched. */
export type NamedParts = {
  readonly username: string | undefined;
  readonly profile: NamedProfile | undefined;
  readonly email: SetHumanEmail | undefined;
  /** `"remove"` where the request says so. */
  readonly phone: SetHumanPhone | "remove" | undefined;
};

/** @throws ServiceError `phoneInvalid`. */
export function updateCommand({ username, profile, email, phone }: NamedParts): UpdateHuman {
  return {
    type: "update",
    ...(username !== undefined && { userName: username }),
    ...(profile !== undefined && { profile: partOfProfile(profile) }),
    ...(email !== undefined && {
      email: { address: email.email, isVerified: saysVerified(email.verification) },
    }),
    ...(phone !== undefined && { phone: phone === "remove" ? phone : updatedPhone(phone) }),
  };
}

/** Whether the request says that something is verified. */
export function saysAnyVerified({ email, phone }: NamedParts): boolean {
  const ofPhone = phone === "remove" ? undefined : phone?.verification;
  return saysVerified(email?.verification) || saysVerified(ofPhone);
}

function updatedPhone({ phone, verification }: SetHumanPhone) {
  return { number: knownPhoneNumber(phone), isVerified: saysVerified(verification) };
}

/** The field of v2 for each field of a profile. */
const fields = {
  firstName: "givenName",
  lastName: "familyName",
  nickName: "nickName",
  displayName: "displayName",
  preferredLanguage: "preferredLanguage",
  gender: "gender",
} as const satisfies Record<keyof Profile, keyof NamedProfile>;

/** A profile in which what the request does not name is empty. */
export function wholeProfile(named: NamedProfile): Profile {
  return profileFrom({
    firstName: named.givenName ?? "",
    lastName: named.familyName ?? "",
    nickName: named.nickName ?? "",
    displayName: named.displayName ?? "",
    preferredLanguage: named.preferredLanguage ?? "",
    gender: named.gender ?? 0,
  });
}

function partOfProfile(named: NamedProfile): Partial<Profile> {
  const isNamed = ([field]: [string, unknown]) =>
    named[fields[field as keyof Profile]] !== undefined;
  return Object.fromEntries(Object.entries(wholeProfile(named)).filter(isNamed));
}
