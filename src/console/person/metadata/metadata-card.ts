import type { User } from "../../../../gen/zitadel/user_pb.ts";
import { ifVersion } from "../../api.ts";
import { byId } from "../../dom.ts";
import { type Card, storedText, type Tools, versionOf } from "../report.ts";
import { createMetadataForm } from "./metadata-form.ts";
import { createMetadataList } from "./metadata-list.ts";

/** Shows the metadata of a user. Values that are text can be changed; others can only be removed. */
export function createMetadataCard(tools: Tools): Card {
  const { api, report, attempt, question } = tools;
  const title = byId("metadata-title", HTMLElement);
  const saved = byId("metadata-saved", HTMLElement);
  const notice = byId("metadata-notice", HTMLElement);
  const add = byId("metadata-add", HTMLButtonElement);
  const list = createMetadataList(api, { change: open, remove });
  let shown: User | undefined;
  let mayWrite = false;
  let isEditing = false;
  const form = createMetadataForm(tools, {
    stored: (userId, answer) => report.stored(userId, saved, storedText(answer)),
    left,
  });

  function setEditing(isOn: boolean): void {
    isEditing = isOn;
    add.hidden = isOn || !mayWrite;
  }

  function left(key: string): void {
    setEditing(false);
    (list.changeButtonOf(key) ?? add).focus();
  }

  function open(key: string, text?: string): void {
    if (shown === undefined) return;
    report.begin();
    setEditing(true);
    form.open(shown, key, text ?? "");
  }

  function remove(key: string): void {
    if (shown === undefined) return;
    const { id } = shown;
    const condition = ifVersion(versionOf(shown));
    void attempt(id, notice, async () => {
      const text = { name: key, rest: " will be forgotten." };
      if (!(await question.ask("Remove this entry?", text, "Remove"))) return;
      const answer = await api.removeUserMetadata({ id, key }, condition);
      if (await report.stored(id, saved, storedText(answer))) title.focus();
    });
  }

  add.addEventListener("click", () => open(""));

  return {
    async show(user, permissions, signal) {
      shown = user;
      mayWrite = permissions.mayWrite;
      setEditing(isEditing || form.restore(user.id));
      if (user.type.case === "human") await list.show(user.id, mayWrite, signal);
    },
    reset() {
      form.close();
      setEditing(false);
    },
  };
}
