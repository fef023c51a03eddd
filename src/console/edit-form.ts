import { byId } from "./dom.ts";
import { createFormErrors, type Explanations, type Violations } from "./form-errors.ts";

/** A form that edits one thing. It is closed until somebody opens it, and after it has saved. */
export interface EditForm {
  /** Show the form, without any error. The fields are filled by the caller, and the first one gets the focus. */
  open(): void;
  /** Hide the form and drop what was typed. */
  close(): void;
}

type Options = Explanations & {
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
  const { fields, save, left } = options;
  const form = byId(id, HTMLFormElement);
  const errors = createFormErrors(form, options);
  let isBusy = false;
  /** Counts how often the form was closed: a call may end when the form has been opened for somebody else. */
  let turn = 0;

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
    errors.clear();
    isBusy = true;
    form.ariaBusy = "true";
    const current = turn;
    try {
      const done = await save();
      if (typeof done === "function") {
        if (current === turn) close();
        done();
      } else if (current === turn) errors.mark(done);
    } catch (error) {
      if (current === turn) errors.explain(error);
    } finally {
      isBusy = false;
      form.ariaBusy = null;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isBusy) void submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) leave();
  });
  byId(`${id}-cancel`, HTMLButtonElement).addEventListener("click", leave);

  return {
    open() {
      errors.clear();
      form.hidden = false;
      Object.values(fields)[0]?.focus();
    },
    close,
  };
}
