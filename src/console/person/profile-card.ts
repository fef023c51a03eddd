import type { User } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { byId } from "../dom.ts";
import { createEditForm } from "../edit-form.ts";
import { createProfileFields } from "./profile-fields.ts";
import { type Answer, type Card, type Report, storedText } from "./report.ts";

/** The six fields of the profile. What they say is shown by `createPersonFacts`. */
export function createProfileCard(api: Api, report: Report): Card {
  const saved = byId("profile-saved", HTMLElement);
  const values = byId("fields", HTMLDListElement);
  const edit = byId("edit", HTMLButtonElement);
  const fields = createProfileFields();
  let shown: User | undefined;
  let mayWrite = false;
  let isEditing = false;
  const form = createEditForm("profile-form", {
    fields: fields.byName,
    texts: { PROFILE_NOT_CHANGED: "Nothing to save: this is what the profile says already." },
    async save() {
      const userId = shown?.id ?? "";
      const before = shown?.details?.sequence ?? 0n;
      const answer = await api.updateHumanProfile({ userId, ...fields.read() });
      const text = profileText(answer, before);
      return async () => {
        if (await report.stored(userId, saved, text)) left();
      };
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
    if (shown?.type.case !== "human" || shown.type.value.profile === undefined) return;
    report.begin();
    setEditing(true);
    fields.fill(shown.type.value.profile);
    form.open();
  });

  return {
    show(user, permissions) {
      shown = user;
      mayWrite = permissions.mayWrite;
      setEditing(isEditing);
    },
    reset() {
      form.close();
      setEditing(false);
    },
  };
}

/** @param before The version that was shown when the form was saved. */
function profileText(answer: Answer, before: bigint): string {
  const text = storedText(answer);
  return (answer.details?.sequence ?? 0n) > before + 1n
    ? `${text} Somebody else had changed it meanwhile; your values are the ones that count.`
    : text;
}
