import type { User } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { byId, say } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import type { Question } from "../question.ts";
import { createMetadataForm } from "./metadata-form.ts";
import { createMetadataList } from "./metadata-list.ts";
import { type Card, type Report, storedText } from "./report.ts";

/** Shows the metadata of a user. Values that are text can be changed; others can only be removed. */
export function createMetadataCard(api: Api, report: Report, question: Question): Card {
  const title = byId("metadata-title", HTMLElement);
  const saved = byId("metadata-saved", HTMLElement);
  const notice = byId("metadata-notice", HTMLElement);
  const add = byId("metadata-add", HTMLButtonElement);
  const list = createMetadataList(api, { change: open, remove: (key) => void remove(key) });
  let shown: User | undefined;
  let mayWrite = false;
  let isEditing = false;
  const form = createMetadataForm(api, {
    user: () => shown,
    stored: (userId, answer) => report.stored(userId, saved, storedText(answer)),
    left,
  });

  function setEditing(isOn: boolean): void {
    isEditing = isOn;
    add.hidden = isOn || !mayWrite;
  }

  function left(key: string | undefined): void {
    setEditing(false);
    const from = key === undefined ? undefined : list.changeButtonOf(key);
    (from ?? add).focus();
  }

  function open(key: string, text: string | undefined): void {
    report.begin();
    setEditing(true);
    form.open(key, text);
  }

  async function remove(key: string): Promise<void> {
    const id = shown?.id ?? "";
    report.begin();
    if (!(await question.ask("Remove this entry?", `${key} will be forgotten.`, "Remove"))) return;
    try {
      const answer = await api.removeUserMetadata({ id, key });
      if (await report.stored(id, saved, storedText(answer))) title.focus();
    } catch (error) {
      if (shown?.id === id) say(notice, problemFrom(error).text);
    }
  }

  add.addEventListener("click", () => open("", undefined));

  return {
    async show(user, permissions, signal) {
      shown = user;
      mayWrite = permissions.mayWrite;
      setEditing(isEditing);
      if (user.type.case === "human") await list.show(user.id, mayWrite, signal);
    },
    reset() {
      form.close();
      setEditing(false);
    },
  };
}
