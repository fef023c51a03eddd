import type { JsonObject } from "@bufbuild/protobuf";
import { isTold, objectOf, pick, textOf } from "../fields.ts";
import type { Losses } from "../losses.ts";

/** What a person of ZITADEL's may have and Giraffe does not keep: field of ImportHumanUserRequest, kind. */
const notTaken: ReadonlyMap<string, string> = new Map([
  ["password", "passwords"],
  ["hashedPassword", "password hashes"],
  ["passwordChangeRequired", "orders to change a password"],
  ["requestPasswordlessRegistration", "orders to register a passkey"],
  ["otpCode", "one-time password secrets"],
  ["idps", "links to identity providers"],
  ["recoveryCodes", "sets of recovery codes"],
]);

const taken: ReadonlySet<string> = new Set(["userName", "profile", "email", "phone"]);

const profileFields = ["firstName", "lastName", "nickName", "displayName", "preferredLanguage"];

/**
 * A person in the form of a line of an import, from an ImportHumanUserRequest as JSON.
 *
 * Stored texts are kept as they are. ZITADEL writes -1 for a gender that it does not know, and `und` or nothing
 * for no language.
 */
export function personLine(
  userId: string,
  organization: string,
  user: JsonObject,
  losses: Losses,
): JsonObject {
  for (const [name, value] of Object.entries(user)) {
    if (taken.has(name) || !isTold(value)) continue;
    const count = Array.isArray(value) && name === "idps" ? value.length : 1;
    losses.add(notTaken.get(name) ?? `people's ${name}`, count);
  }
  const profile = objectOf(user.profile);
  const phone = objectOf(user.phone);
  const email = objectOf(user.email);
  return {
    userId,
    organization,
    verbatim: true,
    userName: textOf(user.userName),
    profile: { ...pick(profile, profileFields), ...languageOf(profile), ...genderOf(profile) },
    email: { email: textOf(email.email), isEmailVerified: email.isEmailVerified === true },
    ...(textOf(phone.phone) !== "" && {
      phone: { phone: textOf(phone.phone), isPhoneVerified: phone.isPhoneVerified === true },
    }),
  };
}

function languageOf({ preferredLanguage }: JsonObject): JsonObject {
  return { preferredLanguage: textOf(preferredLanguage) || "und" };
}

const genders = ["GENDER_FEMALE", "GENDER_MALE", "GENDER_DIVERSE", "1", "2", "3"];

/** @returns Nothing for an unknown or unspecified gender. As a name or a number. */
function genderOf({ gender = null }: JsonObject): JsonObject {
  return genders.includes(textOf(gender)) ? { gender } : {};
}
