import { trim } from "../text/trim.ts";
import { parseLanguage } from "./language/language.ts";

/** As on the wire and in events. */
export const genders = { unspecified: 0, female: 1, male: 2, diverse: 3 } as const;

/** As a number of `genders`. */
export type Gender = (typeof genders)[keyof typeof genders];

/** The data that a person can change. Texts are verbatim: not trimmed, lower-cased or normalised. */
export type Profile = {
  readonly firstName: string;
  readonly lastName: string;
  readonly nickName: string;
  readonly displayName: string;
  /** Canonical BCP 47 tag, `"und"` if there is none. */
  readonly preferredLanguage: string;
  readonly gender: Gender;
};

/** A profile as a request or an imported line carries it. */
export type ProfileInput = Omit<Profile, "gender"> & {
  /** Any number: ZITADEL's data also has -1 for unspecified. */
  readonly gender: number;
};

/**
 * The profile a request asks for: texts verbatim, language as `parseLanguage` reads it, a gender
 * that is none of the four is unspecified. Field rules have checked lengths before.
 */
export function profileFrom(input: ProfileInput): Profile {
  return {
    firstName: input.firstName,
    lastName: input.lastName,
    nickName: input.nickName,
    displayName: input.displayName,
    preferredLanguage: parseLanguage(input.preferredLanguage),
    gender: genderFrom(input.gender),
  };
}

function genderFrom(number: number): Gender {
  for (const name in genders) {
    const gender = genders[name as keyof typeof genders];
    if (gender === number) return gender;
  }
  return genders.unspecified;
}

/** The fields of `to` that differ from `from`; empty if none does. What `to` leaves out does not differ. */
export function changedFields(from: Profile, to: Partial<Profile>): Partial<Profile> {
  const changed: Partial<Record<keyof Profile, Profile[keyof Profile]>> = {};
  for (const name in to) {
    const field = name as keyof Profile;
    const value = to[field];
    if (value !== undefined && from[field] !== value) changed[field] = value;
  }
  return changed as Partial<Profile>;
}

/**
 * The display name of a new user. Only on creation: a later change of a name leaves it alone.
 *
 * Source: zitadel internal/command/user_human.go, ensureDisplayName.
 *
 * @returns `displayName`, unless it is blank: then first and last name, else the e-mail address,
 *   else the user name.
 */
export function displayNameOrDefault(
  { displayName, firstName, lastName }: Profile,
  email: string,
  userName: string,
): string {
  if (trim(displayName) !== "") return displayName;
  if (firstName !== "" && lastName !== "") return `${firstName} ${lastName}`;
  return email || userName;
}
