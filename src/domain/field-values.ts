import type { Account, HumanEvent, HumanStatus } from "./human-state.ts";
import { type Gender, genders, type Profile } from "./profile.ts";

/** A field of a human and the value that it has after an event; `undefined`: it has none. */
export type FieldValue = readonly [field: string, value: string | undefined];

/** What stands before the key of an entry of metadata. */
export const metadataPrefix = "metadata.";

/** The event after which there is no metadata. It does not say what there was. */
export const removesAllMetadata = "user.metadata.removed.all";

const profileFields = {
  firstName: "profile.first_name",
  lastName: "profile.last_name",
  nickName: "profile.nick_name",
  displayName: "profile.display_name",
  preferredLanguage: "profile.preferred_language",
  gender: "profile.gender",
} as const satisfies Record<keyof Profile, string>;

const otherFields = [
  ...["user_name", "email.address", "email.is_verified", "phone.number"],
  ...["phone.is_verified", "state"],
];
const fixedFields: ReadonlySet<string> = new Set([...Object.values(profileFields), ...otherFields]);

/** Whether there may be such a field. Any entry of metadata may. */
export function isField(name: string): boolean {
  if (name.startsWith(metadataPrefix)) return name.length > metadataPrefix.length;
  return fixedFields.has(name);
}

/**
 * The fields that an event sets, with the values that they have after it. Some may have had these values before.
 *
 * @param event Not one of a human who has been erased: its data is lost.
 */
export function valuesAfter(event: HumanEvent): readonly FieldValue[] {
  switch (event.type) {
    case "user.human.added":
      return valuesOfAdded(event.data);
    case "user.human.profile.changed":
      return valuesOfProfile(event.data);
    case "user.username.changed":
      return [["user_name", event.data.userName]];
    case "user.human.email.changed":
      return valuesOfEmail(event.data.email, false);
    case "user.human.email.verified":
      return [["email.is_verified", "true"]];
    case "user.human.phone.changed":
      return valuesOfPhone(event.data.phone, false);
    case "user.human.phone.verified":
      return [["phone.is_verified", "true"]];
    case "user.human.phone.removed":
      return valuesOfPhone("", false);
    case "user.metadata.set":
      return [[`${metadataPrefix}${event.data.key}`, event.data.value]];
    case "user.metadata.removed":
      return [[`${metadataPrefix}${event.data.key}`, undefined]];
    case removesAllMetadata:
      return [];
    case "user.deactivated":
      return valuesOfState("inactive");
    case "user.locked":
      return valuesOfState("locked");
    case "user.reactivated":
    case "user.unlocked":
      return valuesOfState("active");
    case "user.removed":
      return valuesOfState("deleted");
    case "user.erased":
      return [];
  }
}

function valuesOfAdded(data: Account & Profile): FieldValue[] {
  const { userName, email, isEmailVerified, phone, isPhoneVerified, ...profile } = data;
  return [
    ["user_name", userName],
    ...valuesOfProfile(profile),
    ...valuesOfEmail(email, isEmailVerified),
    ...valuesOfPhone(phone, isPhoneVerified),
    ...valuesOfState("active"),
  ];
}

function valuesOfProfile({ gender, preferredLanguage, ...texts }: Partial<Profile>): FieldValue[] {
  const values: FieldValue[] = Object.entries(texts).map(([name, text]) => [
    profileFields[name as keyof typeof texts],
    text || undefined,
  ]);
  if (preferredLanguage !== undefined) {
    const language = preferredLanguage === "und" ? undefined : preferredLanguage;
    values.push([profileFields.preferredLanguage, language]);
  }
  if (gender !== undefined) values.push([profileFields.gender, nameOfGender(gender)]);
  return values;
}

/** As in ZITADEL's contract. */
function nameOfGender(gender: Gender): string | undefined {
  const [name = "unspecified"] = Object.entries(genders).find(([, each]) => each === gender) ?? [];
  return name === "unspecified" ? undefined : `GENDER_${name.toUpperCase()}`;
}

function valuesOfEmail(email: string, isVerified: boolean): FieldValue[] {
  return [
    ["email.address", email],
    ["email.is_verified", String(isVerified)],
  ];
}

/** Without a number there is nothing that could be verified. */
function valuesOfPhone(phone: string, isVerified: boolean): FieldValue[] {
  return [
    ["phone.number", phone || undefined],
    ["phone.is_verified", phone ? String(isVerified) : undefined],
  ];
}

/** As in ZITADEL's contract. */
function valuesOfState(state: HumanStatus | "deleted"): FieldValue[] {
  return [["state", `USER_STATE_${state.toUpperCase()}`]];
}
