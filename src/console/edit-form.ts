import { byId, markField, say } from "./dom.ts";
import { problemFrom } from "./problem.ts";

/** A form that edits one thing. It is closed until somebody opens it, and after it has saved. */
export interface EditForm {
  /** Show the form, without any error. The fields are filled by the caller, and the first one gets the focus. */
  open(): void;
  /** Hide the form and drop what was typed. */
  close(): void;
}

/** What is wrong with which field, by the names that the server has for fields. */
export type Violations = ReadonlyMap<string, string>;

type Options = {
  /** By the names that the server uses when it refuses one, in the order of the form. */
  readonly fields: Readonly<Record<string, HTMLElement>>;
  /** What to say instead of the server's words, by the reason of the error. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Which field an error without field violations is about, by its reason. */
  readonly places?: Readonly<Record<string, string>>;
  /**
   * Make the call.
   *
   * @returns What is to be done after the form was closed; or what is wrong with the fields.
   */
  readonly save: () => Promise<(() => void) | Violations>;
  /** Called when the form was closed without a change. */
  readonly left: () => void;
};

/**
 * Finds the form in the page: its errors are in `ID-notice`, `ID-cancel` closes it, and Escape does so too.
 * While a call is under way, the form stays open and takes no other.
 */
export function createEditForm(id: string, options: Options): EditForm {
  const { fields, texts = {}, places = {}, save, left } = options;
  const form = byId(id, HTMLFormElement);
  const notice = byId(`${id}-notice`, HTMLElement);
  let isBusy = false;
  /** Counts how often the form was closed: a call may end when the form has been opened for somebody else. */
  let turn = 0;

  /** The first field that is wrong gets the focus. Fields that are not named count as right. */
  function mark(violations: Violations): boolean {
    for (const [name, field] of Object.entries(fields))
      markField(field, violations.get(name) ?? "");
    const firstInvalid = Object.values(fields).find((field) => field.ariaInvalid === "true");
    firstInvalid?.focus();
    return firstInvalid !== undefined;
  }

  function clear(): void {
    mark(new Map());
    say(notice, "");
  }

  function close(): void {
    turn += 1;
    form.hidden = true;
    form.reset();
  }

  function leave(): void {
    if (isBusy) return;
    close();
    left();
  }

  async function submit(): Promise<void> {
    clear();
    isBusy = true;
    form.ariaBusy = "true";
    const current = turn;
    try {
      const done = await save();
      if (typeof done === "function") {
        if (current === turn) close();
        done();
      } else if (current === turn) mark(done);
    } catch (error) {
      if (current === turn) explain(error);
    } finally {
      isBusy = false;
      form.ariaBusy = null;
    }
  }

  function explain(error: unknown): void {
    const { reason, text, violations } = problemFrom(error);
    const place = places[reason];
    if (mark(place === undefined ? violations : new Map([[place, text]]))) return;
    say(notice, texts[reason] ?? text);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isBusy) void submit();
  });
  form.addEventListener("input", ({ target }) => {
    say(notice, "");
    if (target instanceof HTMLElement) markField(target, "");
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) leave();
  });
  byId(`${id}-cancel`, HTMLButtonElement).addEventListener("click", leave);

  return {
    open() {
      clear();
      form.hidden = false;
      Object.values(fields)[0]?.focus();
    },
    close,
  };
}
