import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { HumanEvent } from "../../domain/human-state.ts";
import { genders } from "../../domain/profile.ts";

/** Longer than any text of a profile that ZITADEL accepts, in characters. */
const maxTextLength = 1_000;
/** As the field rules say of metadata. */
const maxKeyLength = 200;
/** 500,000 bytes in base64. */
const maxValueLength = 666_668;

type Kind = "text" | "flag" | "gender" | "key" | "value";

const profile = {
  firstName: "text",
  lastName: "text",
  nickName: "text",
  displayName: "text",
  preferredLanguage: "text",
  gender: "gender",
} as const satisfies Record<string, Kind>;

/** What can be imported: nobody is erased by an import. */
type EventType = Exclude<HumanEvent["type"], "user.erased">;

/** The fields of each event. Those of a change of the profile may be left out. */
const fields: Readonly<Record<EventType, Readonly<Record<string, Kind>>>> = {
  "user.human.added": {
    userName: "text",
    email: "text",
    isEmailVerified: "flag",
    phone: "text",
    isPhoneVerified: "flag",
    ...profile,
  },
  "user.human.profile.changed": profile,
  "user.username.changed": { userName: "text" },
  "user.human.email.changed": { email: "text" },
  "user.human.email.verified": {},
  "user.human.phone.changed": { phone: "text" },
  "user.human.phone.verified": {},
  "user.human.phone.removed": {},
  "user.metadata.set": { key: "key", value: "value" },
  "user.metadata.removed": { key: "key" },
  "user.metadata.removed.all": {},
  "user.deactivated": {},
  "user.reactivated": {},
  "user.locked": {},
  "user.unlocked": {},
  "user.removed": {},
};

/**
 * Type and data of an event in a line.
 *
 * @throws Error if it is not an event of a human, or a field is missing, unknown or not of its kind.
 */
export function dataFrom(type: JsonValue | undefined, data: JsonValue | undefined): HumanEvent {
  if (typeof type !== "string" || !Object.hasOwn(fields, type)) {
    throw new Error(`the type of an event is unknown: ${JSON.stringify(type)}`);
  }
  const kinds = fields[type as EventType];
  const given: JsonObject =
    typeof data === "object" && data !== null && !Array.isArray(data) ? data : {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(kinds, name))
      throw new Error(`${type} has no field ${JSON.stringify(name)}`);
  }
  const mayLack = type === "user.human.profile.changed";
  for (const [name, kind] of Object.entries(kinds)) {
    if (given[name] === undefined && mayLack) continue;
    if (!checks[kind](given[name])) throw new Error(`${name} of ${type} is missing or not valid`);
  }
  return { type, data: given } as HumanEvent;
}

const isText = (value: JsonValue | undefined, length: number): value is string =>
  typeof value === "string" &&
  value.length <= 2 * length &&
  [...value].length <= length &&
  value.isWellFormed() &&
  !value.includes("\0");

const genderNumbers: readonly unknown[] = Object.values(genders);

const checks: Readonly<Record<Kind, (value: JsonValue | undefined) => boolean>> = {
  text: (value) => isText(value, maxTextLength),
  flag: (value) => typeof value === "boolean",
  gender: (value) => genderNumbers.includes(value),
  key: (value) => isText(value, maxKeyLength) && value !== "",
  value: (value) => isText(value, maxValueLength) && isBase64(value),
};

/** Whether it is what `Buffer` writes: nothing else would be read back alike. */
function isBase64(text: string): boolean {
  return Buffer.from(text, "base64").toString("base64") === text;
}
