/**
 * The element of `index.html` with this id.
 *
 * @throws Error if there is no such element, or it is of another kind: the page is not the script's own.
 */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no ${kind.name} with the id ${id}`);
  return found;
}

/**
 * A copy of the content of a template, with texts in its slots.
 *
 * @param slots The texts by `data-slot`. Markup in a text is shown and has no effect. A slot whose text is
 *   empty is removed.
 */
export function fromTemplate(
  template: HTMLTemplateElement,
  slots: Readonly<Record<string, string>>,
): HTMLElement {
  const copy = template.content.cloneNode(true) as DocumentFragment;
  for (const [name, text] of Object.entries(slots)) {
    const slot = copy.querySelector(`[data-slot="${name}"]`);
    if (text === "") slot?.remove();
    else if (slot !== null) slot.textContent = text;
  }
  return copy.firstElementChild as HTMLElement;
}

/** A sentence that begins with a name. Marks of direction in the name have no effect on the rest. */
export type Sentence = string | { readonly name: string; readonly rest: string };

/** Show a text in an element. The element is hidden if the text is empty. */
export function say(element: HTMLElement, text: Sentence): void {
  if (typeof text === "string") element.textContent = text;
  else {
    const name = document.createElement("bdi");
    name.textContent = text.name;
    element.replaceChildren(name, text.rest);
  }
  element.hidden = text === "";
}

/** Show what is wrong with a field, beside it and for screen readers. An empty `text` removes that. */
export function markField(field: HTMLElement, text: string): void {
  if (text === "") field.removeAttribute("aria-invalid");
  else field.setAttribute("aria-invalid", "true");
  say(byId(`${field.id}-error`, HTMLElement), text);
}
