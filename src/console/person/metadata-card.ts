import type { User } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { byId, say } from "../dom.ts";
import { createEditForm } from "../edit-form.ts";
import { problemFrom } from "../problem.ts";
import type { Question } from "../question.ts";
import { createMetadataList } from "./metadata-list.ts";
import { valueFrom } from "./metadata-value.ts";
import { type Card, type Report, storedText } from "./report.ts";

/** Shows the metadata of a user. Values that are text can be changed; others can only be removed. */
export function createMetadataCard(api: Api, report: Report, question: Question): Card {
  const title = byId("metadata-title", HTMLElement);
  const saved = byId("metadata-saved", HTMLElement);
  const notice = byId("metadata-notice", HTMLElement);
  const add = byId("metadata-add", HTMLButtonElement);
  const keyField = byId("metadata-key", HTMLInputElement);
  const valueField = byId("metadata-value", HTMLTextAreaElement);
  const list = createMetadataList(api, { change: open, remove: (key) => void remove(key) });
  let shown: User | undefined;
  let mayWrite = false;
  let isEditing = false;
  /** What the form edits: a key, and the text that is stored there; `undefined` for a new key. */
  let edited = { key: "", before: undefined as string | undefined };
  const form = createEditForm("metadata-form", {
    fields: { key: keyField, value: valueField },
    save,
    left,
  });

  async function save() {
    const id = shown?.id ?? "";
    const version = shown?.details?.sequence ?? 0n;
    const key = keyField.value;
    const { before } = edited;
    if (before === undefined && (await isThere(id, key)))
      return new Map([["key", "This key is there already. Change its value instead."]]);
    const value = valueFrom(valueField.value, before ?? "");
    const answer = await api.setUserMetadata({ id, key, value });
    if ((answer.details?.sequence ?? 0n) <= version)
      return new Map([["value", "Nothing to save: this is the value already."]]);
    return async () => {
      if (await report.stored(id, saved, storedText(answer))) left();
    };
  }

  /** Whether the user has the key. If the server cannot say, it will say why when the entry is set. */
  const isThere = (id: string, key: string) =>
    api.getUserMetadata({ id, key }).then(
      () => true,
      () => false,
    );

  function setEditing(isOn: boolean): void {
    isEditing = isOn;
    add.hidden = isOn || !mayWrite;
  }

  function left(): void {
    setEditing(false);
    const { key, before } = edited;
    const from = before === undefined ? undefined : list.changeButtonOf(key);
    (from ?? add).focus();
  }

  function open(key: string, text: string | undefined): void {
    report.begin();
    setEditing(true);
    edited = { key, before: text };
    keyField.readOnly = text !== undefined;
    keyField.value = key;
    valueField.value = text ?? "";
    form.open();
    if (text !== undefined) valueField.focus();
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
