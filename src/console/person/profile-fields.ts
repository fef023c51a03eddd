import type { Gender, Profile } from "../../../gen/zitadel/user_pb.ts";
import { byId } from "../dom.ts";
import { genderTexts } from "../wording.ts";

/** The fields of the form in which a profile is edited. */
export interface ProfileFields {
  /** By the names that the server uses when it refuses one. */
  readonly byName: Readonly<Record<string, HTMLElement>>;
  /** Put a profile into the fields. */
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
}

/** Finds the fields in the page. */
export function createProfileFields(): ProfileFields {
  const input = (id: string) => byId(id, HTMLInputElement);
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
    byName: fields,
    fill(profile) {
      fields.first_name.value = profile.firstName;
      fields.last_name.value = profile.lastName;
      fields.display_name.value = profile.displayName;
      fields.nick_name.value = profile.nickName;
      fields.preferred_language.value =
        profile.preferredLanguage === "und" ? "" : profile.preferredLanguage;
      fields.gender.value = String(profile.gender);
    },
    read: () => ({
      firstName: fields.first_name.value,
      lastName: fields.last_name.value,
      displayName: fields.display_name.value,
      nickName: fields.nick_name.value,
      preferredLanguage: fields.preferred_language.value,
      gender: Number(fields.gender.value) as Gender,
    }),
  };
}
