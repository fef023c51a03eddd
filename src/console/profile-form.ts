import type { Gender, Profile } from "../../gen/zitadel/user_pb.ts";
import type { Api } from "./api.ts";
import { byId, markField, say } from "./dom.ts";
import { problemFrom } from "./problem.ts";
import { genderTexts } from "./wording.ts";

/** Edits one profile. */
export interface ProfileForm {
  /** Show the form with what the profile says, ready for typing. */
  open(userId: string, profile: Profile): void;
  /** Hide the form, whatever was typed. */
  close(): void;
}

/**
 * @param on.saved The server has stored the change as this sequence.
 * @param on.left The form was left without a change.
 */
export function createProfileForm(
  api: Api,
  on: { readonly saved: (sequence: bigint) => void; readonly left: () => void },
): ProfileForm {
  const form = byId("profile-form", HTMLFormElement);
  const notice = byId("form-notice", HTMLElement);
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
  const all = Object.values(fields);
  let userId = "";
  let isBusy = false;

  fields.gender.append(
    ...Object.entries(genderTexts).map(([value, text]) => new Option(text, value)),
  );

  function clear(): void {
    for (const field of all) markField(field, "");
    say(notice, "");
  }

  function leave(): void {
    if (isBusy) return;
    close();
    on.left();
  }

  function close(): void {
    form.hidden = true;
    form.reset();
  }

  async function save(): Promise<void> {
    clear();
    isBusy = true;
    form.ariaBusy = "true";
    try {
      const { details } = await api.updateHumanProfile({
        userId,
        firstName: fields.first_name.value,
        lastName: fields.last_name.value,
        displayName: fields.display_name.value,
        nickName: fields.nick_name.value,
        preferredLanguage: fields.preferred_language.value,
        gender: Number(fields.gender.value) as Gender,
      });
      close();
      on.saved(details?.sequence ?? 0n);
    } catch (error) {
      explain(error);
    } finally {
      isBusy = false;
      form.ariaBusy = null;
    }
  }

  function explain(error: unknown): void {
    const { reason, text, violations } = problemFrom(error);
    for (const [name, field] of Object.entries(fields))
      markField(field, violations.get(name) ?? "");
    const firstInvalid = all.find((field) => field.ariaInvalid === "true");
    if (firstInvalid !== undefined) firstInvalid.focus();
    else if (reason === "PROFILE_NOT_CHANGED")
      say(notice, "Nothing to save: this is what the profile says already.");
    else say(notice, text);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isBusy) void save();
  });
  form.addEventListener("input", ({ target }) => {
    say(notice, "");
    if (target instanceof HTMLElement) markField(target, "");
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) leave();
  });
  byId("cancel", HTMLButtonElement).addEventListener("click", leave);

  return {
    open(id, profile) {
      userId = id;
      clear();
      fields.first_name.value = profile.firstName;
      fields.last_name.value = profile.lastName;
      fields.display_name.value = profile.displayName;
      fields.nick_name.value = profile.nickName;
      fields.preferred_language.value =
        profile.preferredLanguage === "und" ? "" : profile.preferredLanguage;
      fields.gender.value = String(profile.gender);
      form.hidden = false;
      fields.first_name.focus();
    },
    close,
  };
}
