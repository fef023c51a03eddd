import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { HumanEvent } from "../../../domain/human-state.ts";
import { isTold, textOf } from "../../fields.ts";

/** An event that is taken, made of the payload of ZITADEL's. */
type Take = (payload: JsonObject) => HumanEvent;

const nothing =
  (type: HumanEvent["type"]): Take =>
  () =>
    ({ type, data: {} }) as HumanEvent;

const added: Take = (payload) => ({
  type: "user.human.added",
  data: {
    userName: textOf(payload.userName),
    firstName: textOf(payload.firstName),
    lastName: textOf(payload.lastName),
    nickName: textOf(payload.nickName),
    displayName: textOf(payload.displayName),
    preferredLanguage: languageFrom(payload.preferredLanguage),
    gender: genderFrom(payload.gender),
    email: textOf(payload.email),
    isEmailVerified: false,
    phone: textOf(payload.phone),
    isPhoneVerified: false,
  },
});

/** Only the fields that are there. First and last name are left out, never empty. */
const profileChanged: Take = ({ gender, preferredLanguage, ...texts }) => {
  const data: Record<string, JsonValue> = {};
  for (const name of ["firstName", "lastName", "nickName", "displayName"]) {
    const text = texts[name];
    if (typeof text === "string") data[name] = text;
  }
  if (typeof preferredLanguage === "string")
    data.preferredLanguage = languageFrom(preferredLanguage);
  if (typeof gender === "number") data.gender = genderFrom(gender);
  return { type: "user.human.profile.changed", data };
};

const userNameChanged: Take = ({ userName }) => ({
  type: "user.username.changed",
  data: { userName: textOf(userName) },
});

const emailChanged: Take = ({ email }) => ({
  type: "user.human.email.changed",
  data: { email: textOf(email) },
});

const phoneChanged: Take = ({ phone }) => ({
  type: "user.human.phone.changed",
  data: { phone: textOf(phone) },
});

/** ZITADEL's types, those that it has given up included, and what becomes of each. */
const takes: Readonly<Record<string, Take>> = {
  "user.human.added": added,
  "user.human.selfregistered": added,
  "user.added": added,
  "user.selfregistered": added,
  "user.human.profile.changed": profileChanged,
  "user.profile.changed": profileChanged,
  "user.username.changed": userNameChanged,
  // Another organization has verified the domain, so the user got a name of another domain.
  "user.domain.claimed": userNameChanged,
  "user.human.email.changed": emailChanged,
  "user.email.changed": emailChanged,
  "user.human.email.verified": nothing("user.human.email.verified"),
  "user.email.verified": nothing("user.human.email.verified"),
  "user.human.phone.changed": phoneChanged,
  "user.phone.changed": phoneChanged,
  "user.human.phone.verified": nothing("user.human.phone.verified"),
  "user.phone.verified": nothing("user.human.phone.verified"),
  "user.human.phone.removed": nothing("user.human.phone.removed"),
  "user.phone.removed": nothing("user.human.phone.removed"),
  "user.locked": nothing("user.locked"),
  "user.unlocked": nothing("user.unlocked"),
  "user.deactivated": nothing("user.deactivated"),
  "user.reactivated": nothing("user.reactivated"),
  "user.removed": nothing("user.removed"),
  "user.metadata.set": ({ key, value }) => ({
    type: "user.metadata.set",
    data: { key: textOf(key), value: textOf(value) },
  }),
  "user.metadata.removed": ({ key }) => ({
    type: "user.metadata.removed",
    data: { key: textOf(key) },
  }),
  "user.metadata.removed.all": nothing("user.metadata.removed.all"),
};

/** The event that is kept of one of ZITADEL's; `undefined`: it says nothing about a profile. */
export function takenEvent(type: string, payload: JsonObject): HumanEvent | undefined {
  return Object.hasOwn(takes, type) ? takes[type]?.(payload) : undefined;
}

/** Beginnings of types of what is not taken, and how it is counted: once for each person. */
const lost: readonly (readonly [prefix: string, kind: string])[] = [
  ["user.human.password.changed", "password hashes"],
  ["user.password.changed", "password hashes"],
  ["user.human.mfa.otp.added", "one-time password secrets"],
  ["user.mfa.otp.added", "one-time password secrets"],
  ["user.human.passwordless.token.added", "passkeys"],
  ["user.human.mfa.u2f.token.added", "security keys"],
  ["user.human.mfa.recoverycode", "sets of recovery codes"],
  ["user.human.externalidp.added", "links to identity providers"],
  ["user.human.avatar.added", "avatars"],
  ["user.address.changed", "addresses"],
  ["user.human.address.changed", "addresses"],
];

const addressFields = ["country", "locality", "postalCode", "region", "streetAddress"];

/** The kinds of things in an event that are not taken. */
export function lossesOf(type: string, payload: JsonObject): string[] {
  const found = lost.filter(([prefix]) => type.startsWith(prefix)).map(([, kind]) => kind);
  if (takes[type] !== added) return found;
  if (isTold(payload.encodedHash) || isTold(payload.secret)) found.push("password hashes");
  if (addressFields.some((name) => isTold(payload[name]))) found.push("addresses");
  return found;
}

function languageFrom(value: JsonValue | undefined): string {
  return textOf(value) || "und";
}

/** ZITADEL also has -1, for a gender that it did not know. */
function genderFrom(value: JsonValue | undefined): 0 | 1 | 2 | 3 {
  return value === 1 || value === 2 || value === 3 ? value : 0;
}
