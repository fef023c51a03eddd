import type { User } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { byId, say } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import { numberText } from "../wording.ts";
import { createHistory } from "./history.ts";
import { createPersonFacts } from "./person-facts.ts";
import { createProfileForm } from "./profile-form.ts";

/** Shows one user: the facts, the profile, which can be edited, and the history. */
export interface Person {
  /** Load a user and show it; the empty id shows nobody. */
  show(userId: string): Promise<void>;
  /** Move the focus to the name, or to the error if the user could not be loaded. */
  focus(): void;
}

/** @param onChanged Called when the user was changed, because the list may show an old name. */
export function createPerson(api: Api, onChanged: () => void): Person {
  const section = byId("person", HTMLElement);
  const nobody = byId("nobody", HTMLElement);
  const notice = byId("person-notice", HTMLElement);
  const content = byId("person-content", HTMLElement);
  const name = byId("name", HTMLElement);
  const saved = byId("saved", HTMLElement);
  const values = byId("fields", HTMLDListElement);
  const edit = byId("edit", HTMLButtonElement);
  const showFacts = createPersonFacts();
  const history = createHistory(api);
  const form = createProfileForm(api, { saved: afterSaving, left: afterEditing });
  let loading = new AbortController();
  let shown: User | undefined;

  async function load(userId: string): Promise<void> {
    loading.abort();
    loading = new AbortController();
    const { signal } = loading;
    section.ariaBusy = "true";
    try {
      const { user } = await api.getUserByID({ id: userId }, { signal });
      section.ariaBusy = null;
      if (user === undefined) return;
      shown = user;
      showFacts(user);
      content.hidden = false;
      say(notice, "");
      if (user.type.case === "human") void history.show(userId, signal);
    } catch (error) {
      const { text, isCanceled } = problemFrom(error);
      if (isCanceled) return;
      section.ariaBusy = null;
      content.hidden = true;
      say(notice, text);
    }
  }

  function setEditing(isEditing: boolean): void {
    values.hidden = isEditing;
    edit.hidden = isEditing;
  }

  function startEditing(): void {
    if (shown?.type.case !== "human" || shown.type.value.profile === undefined) return;
    saved.textContent = "";
    setEditing(true);
    form.open(shown.id, shown.type.value.profile);
  }

  function afterEditing(): void {
    setEditing(false);
    edit.focus();
  }

  async function afterSaving(sequence: bigint): Promise<void> {
    const { id = "", details } = shown ?? {};
    await load(id);
    afterEditing();
    saved.textContent = savedText(sequence, details?.sequence ?? 0n);
    onChanged();
  }

  edit.addEventListener("click", startEditing);

  return {
    async show(userId) {
      form.close();
      setEditing(false);
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

/** @param before The version that was shown when the form was opened. */
function savedText(sequence: bigint, before: bigint): string {
  const text = `Saved as version ${numberText(sequence)}.`;
  return sequence > before + 1n
    ? `${text} Somebody else had changed it meanwhile; your values are the ones that count.`
    : text;
}
