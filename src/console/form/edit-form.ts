import { byId } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import type { Question } from "../question.ts";
import { createConflicts } from "./conflicts.ts";
import type { Drafts } from "./drafts.ts";
import { createFormErrors, type Explanations, type Violations } from "./form-errors.ts";
import { differing, fillFields, readFields, type Values } from "./form-values.ts";

/** What is stored of a user, as far as a form edits it. */
export type Stored = {
  readonly userId: string;
  /** Of the user, for people. */
  readonly name: string;
  /** A change is stored only if the user still has this version. */
  readonly version: bigint;
  readonly values: Values;
};

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

type Options = Explanations & {
  readonly drafts: Drafts;
  readonly question: Question;
  /** Called when the form is shown. */
  readonly opened?: (stored: Stored) => void;
  /**
   * Make the call, under the condition that the user still has the version.
   *
   * @returns What is to be done after the form was closed; or what is wrong with the fields.
   */
  readonly save: (stored: Stored) => Promise<(() => void) | Violations>;
  /** What is stored now, because the user has another version. */
  readonly reload: (stored: Stored) => Promise<Stored>;
  /** Called when the form was closed without a change. */
  readonly left: () => void;
};

/** A user who changes again between reading and saving is read again so often, and then the refusal is shown. */
const maxRounds = 5;

/**
 * Finds the form in the page: its errors are in `ID-notice`, `ID-cancel` closes it, and Escape does so too.
 * While a call is under way, the form stays open and takes no other.
 */
export function createEditForm(id: string, options: Options): EditForm {
  const { fields, drafts, question, save, reload, left } = options;
  const form = byId(id, HTMLFormElement);
  const errors = createFormErrors(form, options);
  const conflicts = createConflicts(form, fields);
  /** What the form was opened with: drafts are compared with it. */
  let opened: Stored = { userId: "", name: "", version: 0n, values: {} };
  /** What was stored when somebody has last seen it here. */
  let seen = opened;
  /** Counts how often the form was closed: a call may end when the form has been opened for somebody else. */
  let turn = 0;
  /** The turn whose call is under way. */
  let busyTurn = -1;

  const isBusy = () => busyTurn === turn;

  const isTypedInto = () => differing(fields, opened.values, readFields(fields)).length > 0;

  function remember(): void {
    // A field that is hidden loses the focus, and may say then that it has changed.
    if (form.hidden) return;
    const { userId, name, version, values: before } = opened;
    if (!isTypedInto()) drafts.drop(userId, id);
    else {
      const typed = readFields(fields);
      drafts.keep({ userId, name, form: id, version: String(version), before, typed });
    }
  }

  function show(stored: Stored): void {
    opened = stored;
    seen = stored;
    errors.clear();
    conflicts.clear();
    fillFields(fields, stored.values);
    options.opened?.(stored);
    form.hidden = false;
  }

  function close(): void {
    turn += 1;
    form.ariaBusy = null;
    form.hidden = true;
    form.reset();
    conflicts.clear();
  }

  function throwAway(): void {
    if (isBusy()) return;
    drafts.drop(opened.userId, id);
    close();
    left();
  }

  async function leave(): Promise<void> {
    const text = "What you typed into this form is not saved.";
    if (isTypedInto() && !(await question.ask("Throw it away?", text, "Throw away"))) return;
    throwAway();
  }

  /**
   * Save, also if somebody else has changed the user in other places meanwhile.
   *
   * @returns As `save`; `undefined` if they have changed what the form says, which is shown then.
   */
  async function saveLatest(turnOfCall: number): Promise<(() => void) | Violations | undefined> {
    let latest = seen;
    for (let round = 0; ; round += 1) {
      try {
        return await save(latest);
      } catch (error) {
        const { reason } = problemFrom(error);
        if (reason !== "VERSION_MISMATCH" || round === maxRounds || turnOfCall !== turn)
          throw error;
      }
      const { values: before } = latest;
      latest = await reload(latest);
      if (turnOfCall !== turn) return undefined;
      if (offerChoice(before, latest)) return undefined;
    }
  }

  /** @returns Whether there is something to choose. The draft stays as it was, so that the choice comes again after a reload. */
  function offerChoice(before: Values, now: Stored): boolean {
    const isOther = new Set(differing(fields, now.values, readFields(fields)));
    const names = differing(fields, before, now.values).filter((name) => isOther.has(name));
    if (names.length === 0) return false;
    conflicts.show(names, now.values, before);
    seen = now;
    return true;
  }

  async function submit(): Promise<void> {
    errors.clear();
    const current = turn;
    busyTurn = current;
    form.ariaBusy = "true";
    const { userId } = opened;
    try {
      const done = await saveLatest(current);
      if (typeof done === "function") {
        drafts.drop(userId, id);
        if (current === turn) close();
        done();
      } else if (done !== undefined && current === turn) errors.mark(done);
    } catch (error) {
      if (current === turn) errors.explain(error);
    } finally {
      if (current === turn) {
        busyTurn = -1;
        form.ariaBusy = null;
      }
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isBusy()) void submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || isBusy()) return;
    // The same key would close the question that is asked.
    event.preventDefault();
    void leave();
  });
  for (const type of ["input", "change"]) form.addEventListener(type, remember);
  // What is typed while a call is under way would be lost when the form is closed.
  for (const type of ["beforeinput", "mousedown", "keydown", "click"])
    form.addEventListener(type, (event) => {
      const isTab = event instanceof KeyboardEvent && event.key === "Tab";
      if (isBusy() && !isTab) event.preventDefault();
    });
  byId(`${id}-cancel`, HTMLButtonElement).addEventListener("click", throwAway);

  return {
    open(stored) {
      show(stored);
      Object.values(fields)[0]?.focus();
    },
    restore(userId) {
      const draft = drafts.find(userId, id);
      if (draft === undefined) return false;
      const { name, version, before, typed } = draft;
      show({ userId, name, version: BigInt(version), values: before });
      fillFields(fields, typed);
      return true;
    },
    close,
  };
}
