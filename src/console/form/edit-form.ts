import { byId } from "../dom.ts";
import type { Question } from "../question.ts";
import { createConflicts } from "./conflicts.ts";
import type { Drafts } from "./drafts.ts";
import { createFormCalls } from "./form-calls.ts";
import { createFormDraft } from "./form-draft.ts";
import { createFormErrors, type Explanations } from "./form-errors.ts";
import { fillFields, nobody, type Stored } from "./form-values.ts";
import { type Saving, saveLatest } from "./save-latest.ts";

/**
 * A form that edits one thing. It is closed until somebody opens it, and after it has saved. What is typed into it
 * is a draft until it is saved or thrown away.
 */
export interface EditForm {
  /** Show the form with what is stored. The first field gets the focus. */
  open(stored: Stored): void;
  /**
   * Show the form with the draft that was left there for a user.
   *
   * @returns Whether there is one.
   */
  restore(userId: string): boolean;
  /** Hide the form. What was typed stays a draft. */
  close(): void;
}

type Options = Explanations &
  Saving & {
    readonly drafts: Drafts;
    readonly question: Question;
    /** Called when the form is shown. */
    readonly opened?: (stored: Stored) => void;
    /** Called when the form was closed, and the user is on the page, so that the focus can be put elsewhere. */
    readonly left: () => void;
  };

/**
 * Finds the form in the page: its errors are in `ID-notice`, `ID-cancel` closes it, and Escape does so too.
 * While a call is under way, the form stays open and takes no other.
 */
export function createEditForm(id: string, options: Options): EditForm {
  const { fields, question } = options;
  const form = byId(id, HTMLFormElement);
  const errors = createFormErrors(form, options);
  const conflicts = createConflicts(form, fields);
  const draft = createFormDraft(id, fields, options.drafts);
  const calls = createFormCalls(form);
  /** What was stored when somebody has last seen it here. */
  let seen = nobody;

  function show(stored: Stored): void {
    draft.begin(stored);
    seen = stored;
    errors.clear();
    conflicts.clear();
    fillFields(fields, stored.values);
    options.opened?.(stored);
    form.hidden = false;
  }

  function close(): void {
    calls.forget();
    form.hidden = true;
    form.reset();
    conflicts.clear();
  }

  function throwAway(): void {
    if (calls.isBusy()) return;
    draft.drop(seen.userId);
    close();
    options.left();
  }

  async function leave(): Promise<void> {
    const text = "What you typed into this form is not saved.";
    if (draft.isTyped() && !(await question.ask("Throw it away?", text, "Throw away"))) return;
    throwAway();
  }

  /** @returns Whether there is something to choose. The draft stays as it was, so that the choice comes again after a reload. */
  function offerChoice(before: Stored, now: Stored): boolean {
    const isOffered = conflicts.offer(now.values, before.values);
    if (isOffered) seen = now;
    return isOffered;
  }

  async function submit(isCurrent: () => boolean): Promise<void> {
    errors.clear();
    const stored = draft.send();
    try {
      const done = await saveLatest(seen, options, isCurrent, offerChoice);
      if (typeof done === "function") {
        const isSaved = stored(isCurrent()) && !form.hidden;
        if (isSaved) close();
        if ((await done()) && isSaved && form.hidden) options.left();
      } else if (done !== undefined && isCurrent()) errors.mark(done);
    } catch (error) {
      if (isCurrent()) errors.explain(error);
    }
  }

  listen(form, calls.isBusy, { submit: () => calls.run(submit), leave, typed: draft.keep });
  byId(`${id}-cancel`, HTMLButtonElement).addEventListener("click", throwAway);

  return {
    open(stored) {
      show(stored);
      Object.values(fields)[0]?.focus();
    },
    restore(userId) {
      const left = draft.find(userId);
      if (left === undefined) return false;
      show(left.stored);
      fillFields(fields, left.typed);
      return true;
    },
    close,
  };
}

/** What somebody does with a form. */
type Acts = {
  readonly submit: () => Promise<void>;
  readonly leave: () => Promise<void>;
  readonly typed: () => void;
};

/** Hear what somebody does with a form. While it is busy, it takes nothing. */
function listen(form: HTMLFormElement, isBusy: () => boolean, acts: Acts): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isBusy()) void acts.submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || isBusy()) return;
    // The same key would close the question that is asked.
    event.preventDefault();
    void acts.leave();
  });
  for (const type of ["input", "change"])
    form.addEventListener(type, () => {
      // A field that is hidden loses the focus, and may say then that it has changed.
      if (!form.hidden) acts.typed();
    });
  // What is typed while a call is under way would be lost when the form is closed.
  for (const type of ["beforeinput", "mousedown", "keydown", "click"])
    form.addEventListener(type, (event) => {
      const isTab = event instanceof KeyboardEvent && event.key === "Tab";
      if (isBusy() && !isTab) event.preventDefault();
    });
}
