import type { User } from "../../../../gen/zitadel/user_pb.ts";
import { ifVersion } from "../../api.ts";
import { byId, say } from "../../dom.ts";
import { problemFrom } from "../../problem.ts";
import { type Card, storedText, type Tools, versionOf } from "../report.ts";
import { createMetadataForm } from "./metadata-form.ts";
import { createMetadataList } from "./metadata-list.ts";

/** Shows the metadata of a user. Values that are text can be changed; others can only be removed. */
export function createMetadataCard(tools: Tools): Card {
  const { api, report, question } = tools;
  const title = byId("metadata-title", HTMLElement);
  const saved = byId("metadata-saved", HTMLElement);
  const notice = byId("metadata-notice", HTMLElement);
  const add = byId("metadata-add", HTMLButtonElement);
  const list = createMetadataList(api, { change: open, remove: (key) => void remove(key) });
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

  async function remove(key: string): Promise<void> {
    if (shown === undefined) return;
    const { id } = shown;
    const condition = ifVersion(versionOf(shown));
    report.begin();
    if (
      !(await question.ask(
        "Remove this entry?",
        { name: key, rest: " will be forgotten." },
        "Remove",
      ))
    )
      return;
    try {
      const answer = await api.removeUserMetadata({ id, key }, condition);
      if (await report.stored(id, saved, storedText(answer))) title.focus();
    } catch (error) {
      const { reason, text } = problemFrom(error);
      if (reason === "VERSION_MISMATCH") await report.outdated(id, notice);
      else if (shown?.id === id) say(notice, text);
    }
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
