import type { Gender, Profile } from "../../../gen/zitadel/user_pb.ts";
import { byId, markField } from "../dom.ts";
import { genderTexts } from "../wording.ts";

/** The fields of the form in which a profile is edited. */
export interface ProfileFields {
  /** Put a profile into the fields, and the focus into the first one. */
  fill(profile: Profile): void;
  /** What the fields say, as UpdateHumanProfile takes it. */
  read(): {
    readonly firstName: string;
    readonly lastName: string;
    readonly displayName: string;
    readonly nickName: string;
    readonly preferredLanguage: string;
    readonly gender: Gender;
  };
  /**
   * Say what is wrong with each field, by the names that the server has for them. The first such field gets
   * the focus. Fields that are not named count as right.
   *
   * @returns Whether any field is wrong.
   */
  mark(violations: ReadonlyMap<string, string>): boolean;
}

/** Finds the fields in the page. */
export function createProfileFields(): ProfileFields {
  const input = (id: string) => byId(id, HTMLInputElement);
  /** By the names that the server uses when it refuses one. */
  const fields = {
    first_name: input("first-name"),
    last_name: input("last-name"),
    display_name: input("display-name"),
    nick_name: input("nick-name"),
    preferred_language: input("preferred-language"),
    gender: byId("gender", HTMLSelectElement),
  } as const;
  fields.gender.append(
    ...Object.entries(genderTexts).map(([value, text]) => new Option(text, value)),
  );

  return {
    fill(profile) {
      fields.first_name.value = profile.firstName;
      fields.last_name.value = profile.lastName;
      fields.display_name.value = profile.displayName;
      fields.nick_name.value = profile.nickName;
      fields.preferred_language.value =
        profile.preferredLanguage === "und" ? "" : profile.preferredLanguage;
      fields.gender.value = String(profile.gender);
      fields.first_name.focus();
    },
    read: () => ({
      firstName: fields.first_name.value,
      lastName: fields.last_name.value,
      displayName: fields.display_name.value,
      nickName: fields.nick_name.value,
      preferredLanguage: fields.preferred_language.value,
      gender: Number(fields.gender.value) as Gender,
    }),
    mark(violations) {
      for (const [name, field] of Object.entries(fields))
        markField(field, violations.get(name) ?? "");
      const firstInvalid = Object.values(fields).find((field) => field.ariaInvalid === "true");
      firstInvalid?.focus();
      return firstInvalid !== undefined;
    },
  };
}
