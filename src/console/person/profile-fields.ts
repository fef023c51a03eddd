import type { Gender, User } from "../../../gen/zitadel/user_pb.ts";
import { byId } from "../dom.ts";
import type { Values } from "../form/form-values.ts";
import { proposeLanguages } from "../languages.ts";
import { genderTexts } from "../wording.ts";

/** The fields of the form in which a profile is edited. */
export interface ProfileFields {
  /** By the names that the server uses when it refuses one. */
  readonly byName: Readonly<Record<string, HTMLElement>>;
  /** What the fields say of a user. */
  values(user: User): Values;
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

  proposeLanguages(fields.preferred_language);

  return {
    byName: fields,
    values({ type }) {
      const profile = type.case === "human" ? type.value.profile : undefined;
      if (profile === undefined) return {};
      const { preferredLanguage: language } = profile;
      return {
        first_name: profile.firstName,
        last_name: profile.lastName,
        display_name: profile.displayName,
        nick_name: profile.nickName,
        preferred_language: language === "und" ? "" : language,
        gender: String(profile.gender),
      };
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
