import type { User } from "../../gen/zitadel/user_pb.ts";
import type { Api } from "./api.ts";
import { byId, fromTemplate, say } from "./dom.ts";
import { createHistory } from "./history.ts";
import { problemFrom } from "./problem.ts";
import { createProfileForm } from "./profile-form.ts";
import {
  dateText,
  genderTexts,
  languageText,
  numberText,
  personName,
  stateText,
} from "./wording.ts";

/** Shows one user: who it is, the profile, the history. */
export interface Person {
  /** Load and show; the empty id shows nobody. */
  show(userId: string): Promise<void>;
  /** Move the focus to the name, or to what is wrong instead. */
  focus(): void;
}

/** @param onChanged The user was changed: who shows their name elsewhere should look again. */
export function createPerson(api: Api, onChanged: () => void): Person {
  const section = byId("person", HTMLElement);
  const nobody = byId("nobody", HTMLElement);
  const notice = byId("person-notice", HTMLElement);
  const content = byId("person-content", HTMLElement);
  const name = byId("name", HTMLElement);
  const state = byId("state", HTMLElement);
  const facts = byId("facts", HTMLDListElement);
  const noHuman = byId("no-human", HTMLElement);
  const profileCard = byId("profile", HTMLElement);
  const historyCard = byId("history", HTMLElement);
  const saved = byId("saved", HTMLElement);
  const values = byId("fields", HTMLDListElement);
  const edit = byId("edit", HTMLButtonElement);
  const pair = byId("pair-template", HTMLTemplateElement);
  const history = createHistory(api);
  const form = createProfileForm(api, { saved: afterSaving, left: afterEditing });
  let loading = new AbortController();
  let shown: User | undefined;

  const pairs = (texts: Readonly<Record<string, string>>) =>
    Object.entries(texts).map(([term, value]) => fromTemplate(pair, { term, value: value || "–" }));

  async function load(userId: string): Promise<void> {
    loading.abort();
    loading = new AbortController();
    const { signal } = loading;
    section.ariaBusy = "true";
    try {
      const { user } = await api.getUserByID({ id: userId }, { signal });
      section.ariaBusy = null;
      if (user === undefined) return;
      render(user);
      if (user.type.case === "human") void history.show(userId, signal);
    } catch (error) {
      const { text, isCanceled } = problemFrom(error);
      if (isCanceled) return;
      section.ariaBusy = null;
      content.hidden = true;
      say(notice, text);
    }
  }

  function render(user: User): void {
    shown = user;
    const { id, userName, details, type } = user;
    name.textContent = personName(user);
    say(state, stateText(user.state));
    const human = type.case === "human" ? type.value : undefined;
    facts.replaceChildren(
      ...pairs({
        "User name": userName,
        ...(human?.email?.email && { "E-mail": human.email.email }),
        ...(human?.phone?.phone && { Phone: human.phone.phone }),
        Id: id,
        Created: dateText(details?.creationDate),
        Changed: dateText(details?.changeDate),
        Version: numberText(details?.sequence ?? 0n),
      }),
    );
    const profile = human?.profile;
    noHuman.hidden = profile !== undefined;
    profileCard.hidden = profile === undefined;
    historyCard.hidden = profile === undefined;
    if (profile !== undefined) {
      values.replaceChildren(
        ...pairs({
          "First name": profile.firstName,
          "Last name": profile.lastName,
          "Display name": profile.displayName,
          "Nick name": profile.nickName,
          Language: languageText(profile.preferredLanguage),
          Gender: genderTexts[profile.gender] ?? String(profile.gender),
        }),
      );
    }
    content.hidden = false;
    say(notice, "");
  }

  function startEditing(): void {
    if (shown?.type.case !== "human" || shown.type.value.profile === undefined) return;
    saved.textContent = "";
    values.hidden = true;
    edit.hidden = true;
    form.open(shown.id, shown.type.value.profile);
  }

  function afterEditing(): void {
    values.hidden = false;
    edit.hidden = false;
    edit.focus();
  }

  async function afterSaving(sequence: bigint): Promise<void> {
    const before = shown?.details?.sequence ?? 0n;
    const userId = shown?.id ?? "";
    await load(userId);
    afterEditing();
    const others =
      sequence > before + 1n
        ? " Somebody else had changed it meanwhile; your values are the ones that count."
        : "";
    saved.textContent = `Saved as version ${numberText(sequence)}.${others}`;
    onChanged();
  }

  edit.addEventListener("click", startEditing);

  return {
    async show(userId) {
      form.close();
      values.hidden = false;
      edit.hidden = false;
      saved.textContent = "";
      say(notice, "");
      content.hidden = true;
      section.hidden = userId === "";
      nobody.hidden = userId !== "";
      if (userId === "") loading.abort();
      else await load(userId);
    },
    focus: () => (content.hidden ? notice : name).focus(),
  };
}
