import type { User } from "../../../gen/zitadel/user_pb.ts";
import { ifVersion } from "../api.ts";
import { byId } from "../dom.ts";
import { createEditForm } from "../form/edit-form.ts";
import { createProfileFields } from "./profile-fields.ts";
import { type Card, readUser, storedFrom, storedText, type Tools } from "./report.ts";

/** The six fields of the profile. What they say is shown by `createPersonFacts`. */
export function createProfileCard(tools: Tools): Card {
  const { api, report } = tools;
  const saved = byId("profile-saved", HTMLElement);
  const values = byId("fields", HTMLDListElement);
  const edit = byId("edit", HTMLButtonElement);
  const fields = createProfileFields();
  let shown: User | undefined;
  let mayWrite = false;
  let isEditing = false;
  const form = createEditForm("profile-form", {
    ...tools,
    fields: fields.byName,
    texts: { PROFILE_NOT_CHANGED: "Nothing to save: this is what the profile says already." },
    async save({ userId, version }) {
      const answer = await api.updateHumanProfile({ userId, ...fields.read() }, ifVersion(version));
      return () => report.stored(userId, saved, storedText(answer));
    },
    async reload({ userId }) {
      const user = await readUser(api, userId);
      return storedFrom(user, fields.values(user));
    },
    left,
  });

  function left(): void {
    setEditing(false);
    edit.focus();
  }

  function setEditing(isOn: boolean): void {
    isEditing = isOn;
    values.hidden = isOn;
    edit.hidden = isOn || !mayWrite;
  }

  edit.addEventListener("click", () => {
    if (shown?.type.case !== "human") return;
    report.begin();
    setEditing(true);
    form.open(storedFrom(shown, fields.values(shown)));
  });

  return {
    show(user, permissions) {
      shown = user;
      mayWrite = permissions.mayWrite;
      setEditing(isEditing || form.restore(user.id));
    },
    reset() {
      form.close();
      setEditing(false);
    },
  };
}
