import { byId, fromTemplate } from "../dom.ts";
import {
  differing,
  type Fields,
  fillFields,
  labelOf,
  readFields,
  textOfValue,
  type Values,
} from "./form-values.ts";

/** What somebody else has changed while a form was open, field by field, and which value is to be kept. */
export interface Conflicts {
  /**
   * Show the choice for each field that the other person has changed to something else than the form says. A
   * field that was typed into keeps what was typed; any other gets the value of the other person. The first choice
   * gets the focus.
   *
   * @param theirs What is stored now.
   * @param before What was stored before the other person has changed it.
   * @returns Whether there is something to choose.
   */
  offer(theirs: Values, before: Values): boolean;
  clear(): void;
}

/** Puts the choice behind the notice of the form. It is empty until somebody else has changed something. */
export function createConflicts(form: HTMLFormElement, fields: Fields): Conflicts {
  const template = byId("conflict-template", HTMLTemplateElement);
  const panel = document.createElement("div");
  panel.className = "conflicts";
  byId(`${form.id}-notice`, HTMLElement).after(panel);
  /** Takes what was typed into a field as the choice for it, by the name of the field. */
  const retake = new Map<string, () => void>();

  function choiceFor(name: string, theirs: string, before: string): HTMLElement {
    const field = fields[name] as HTMLElement;
    const isTyped = readFields(fields)[name] !== before;
    let yours = readFields(fields)[name] ?? "";
    const choice = fromTemplate(template, {
      field: labelOf(field),
      theirs: textOfValue(field, theirs),
      whose: isTyped ? "Yours" : "As it was",
      yours: textOfValue(field, yours),
    });
    const [takeTheirs, keepYours] = choice.querySelectorAll("input");
    const yoursText = choice.querySelector("[data-slot=yours]");
    for (const input of [takeTheirs, keepYours]) {
      if (input === undefined) continue;
      input.name = `${form.id}-${name}-choice`;
      input.addEventListener("change", () =>
        fillFields(fields, { [name]: input === takeTheirs ? theirs : yours }),
      );
      input.checked = isTyped === (input === keepYours);
    }
    if (!isTyped) fillFields(fields, { [name]: theirs });
    retake.set(name, () => {
      yours = readFields(fields)[name] ?? "";
      if (keepYours !== undefined) keepYours.checked = true;
      if (yoursText !== null) yoursText.textContent = textOfValue(field, yours);
    });
    return choice;
  }

  form.addEventListener("input", ({ target }) => {
    const name = Object.keys(fields).find((each) => fields[each] === target);
    if (name !== undefined) retake.get(name)?.();
  });

  function clear(): void {
    panel.replaceChildren();
    retake.clear();
  }

  return {
    offer(theirs, before) {
      const isOther = new Set(differing(fields, theirs, readFields(fields)));
      const names = differing(fields, before, theirs).filter((name) => isOther.has(name));
      if (names.length === 0) return false;
      clear();
      const text = document.createElement("p");
      text.textContent =
        "Somebody else has changed this meanwhile. Nothing of yours is saved yet: choose what to keep, then save.";
      text.setAttribute("role", "alert");
      panel.append(
        text,
        ...names.map((name) => choiceFor(name, theirs[name] ?? "", before[name] ?? "")),
      );
      panel.querySelector<HTMLElement>("input:checked")?.focus();
      return true;
    },
    clear,
  };
}
