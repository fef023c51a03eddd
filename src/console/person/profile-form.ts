import type { Profile } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { byId, markField, say } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import { createProfileFields } from "./profile-fields.ts";

/** Edits one profile. */
export interface ProfileForm {
  /** Show the form, filled with a profile. */
  open(userId: string, profile: Profile): void;
  /** Hide the form and drop what was typed. */
  close(): void;
}

/**
 * @param on.saved Called when the server has stored the change, with its sequence.
 * @param on.left Called when the form was closed without a change.
 */
export function createProfileForm(
  api: Api,
  on: { readonly saved: (sequence: bigint) => void; readonly left: () => void },
): ProfileForm {
  const form = byId("profile-form", HTMLFormElement);
  const notice = byId("form-notice", HTMLElement);
  const fields = createProfileFields();
  let userId = "";
  let isBusy = false;

  function clear(): void {
    fields.mark(new Map());
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
      const { details } = await api.updateHumanProfile({ userId, ...fields.read() });
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
    if (fields.mark(violations)) return;
    if (reason === "PROFILE_NOT_CHANGED")
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
      form.hidden = false;
      fields.fill(profile);
    },
    close,
  };
}
