import { byId, markField, say } from "../dom.ts";
import { problemFrom } from "../problem.ts";

/** What is wrong with which field, by the names that the server has for fields. */
export type Violations = ReadonlyMap<string, string>;

/** How a form explains why it was refused. */
export type Explanations = {
  /** By the names that the server uses when it refuses one, in the order of the form. */
  readonly fields: Readonly<Record<string, HTMLElement>>;
  /** What to say instead of the server's words, by the reason of the error. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Which field an error without field violations is about, by its reason. */
  readonly places?: Readonly<Record<string, string>>;
};

/** What a form says is wrong: beside its fields, and in its notice about everything else. */
export interface FormErrors {
  clear(): void;
  /**
   * Say what is wrong with the fields; those that are not named count as right. The first one that is wrong
   * gets the focus.
   *
   * @returns Whether one is wrong.
   */
  mark(violations: Violations): boolean;
  /**
   * Say why a call failed, beside the field that it is about or in the notice.
   *
   * @throws What was thrown, if it is not the error of a call.
   */
  explain(thrown: unknown): void;
}

/** Finds the notice in the page by the id of the form, `ID-notice`. Typing into a field removes its error. */
export function createFormErrors(
  form: HTMLFormElement,
  { fields, texts = {}, places = {} }: Explanations,
): FormErrors {
  const notice = byId(`${form.id}-notice`, HTMLElement);

  function mark(violations: Violations): boolean {
    for (const [name, field] of Object.entries(fields))
      markField(field, violations.get(name) ?? "");
    const firstInvalid = Object.values(fields).find((field) => field.ariaInvalid === "true");
    firstInvalid?.focus();
    return firstInvalid !== undefined;
  }

  form.addEventListener("input", ({ target }) => {
    say(notice, "");
    const field = Object.values(fields).find((each) => each === target);
    if (field !== undefined) markField(field, "");
  });

  return {
    clear() {
      mark(new Map());
      say(notice, "");
    },
    mark,
    explain(thrown) {
      const { reason, text, violations } = problemFrom(thrown);
      const place = places[reason];
      if (mark(place === undefined ? violations : new Map([[place, text]]))) return;
      say(notice, texts[reason] ?? text);
    },
  };
}
