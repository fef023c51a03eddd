import type { Profile } from "../../domain/profile.ts";
import { FieldRulesError } from "../validate/field-violation.ts";
import { ruleText } from "../validate/rule-text.ts";

/** The name of a profile's field in a mask, by its name in code. A mask may use either. */
const maskNames = {
  firstName: "first_name",
  lastName: "last_name",
  nickName: "nick_name",
  displayName: "display_name",
  preferredLanguage: "preferred_language",
  gender: "gender",
} as const satisfies Record<keyof Profile, string>;

const profileFields = Object.keys(maskNames) as (keyof Profile)[];
const fieldByName = new Map<string, keyof Profile>(
  profileFields.flatMap((field) => [[field, field] as const, [maskNames[field], field] as const]),
);

/** All names of all fields take half of it. */
export const maxMaskLength = 256;

/** The fields of a profile that a call names. */
export type UpdateMask = ReadonlySet<keyof Profile>;

/**
 * Read a mask, such as `nick_name,gender`.
 *
 * @param header `null` if it was not sent.
 * @returns `undefined` if all fields count: without a mask, and with `*`.
 * @throws FieldRulesError for the field `update_mask` if a name is not that of a field.
 */
export function maskFrom(header: string | null): UpdateMask | undefined {
  if (header === null || header === "*") return undefined;
  if (header.length > maxMaskLength) throw unknownPath(`${header.slice(0, 32)}…`);
  return new Set(header.split(",").map((path) => fieldFrom(path.trim())));
}

function fieldFrom(path: string): keyof Profile {
  const field = fieldByName.get(path);
  if (field === undefined) throw unknownPath(path);
  return field;
}

/**
 * The fields whose rules do not count, by proto name, because the mask does not name them. A mask that cannot be read
 * names nothing: it is refused after the rules of the other fields.
 */
export function unnamedFields(header: string | null): ReadonlySet<string> | undefined {
  if (header === null) return undefined;
  const mask = readable(header);
  if (mask === "all") return undefined;
  return new Set(profileFields.filter((field) => !mask.has(field)).map((each) => maskNames[each]));
}

function readable(header: string): UpdateMask | "all" {
  try {
    return maskFrom(header) ?? "all";
  } catch {
    return new Set();
  }
}

/** The fields of a profile that the mask names. */
export function maskedProfile(profile: Profile, mask: UpdateMask | undefined): Partial<Profile> {
  if (mask === undefined) return profile;
  return Object.fromEntries([...mask].map((field) => [field, profile[field]]));
}

function unknownPath(path: string): FieldRulesError {
  const description = `value must name fields that can be changed, not ${JSON.stringify(path)}`;
  return new FieldRulesError(`invalid update_mask: ${description}`, [
    { field: "update_mask", description, rule: "FIELD_MASK", text: ruleText("Mask", { path }) },
  ]);
}
