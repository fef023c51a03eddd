/**
 * The element of `index.html` with this id.
 *
 * @throws Error if there is none of this kind: page and script do not fit together.
 */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no ${kind.name} with the id ${id}`);
  return found;
}

/**
 * A copy of what is in a template, with text in its slots.
 *
 * @param slots By `data-slot`. Text is text: markup in it is not read. Empty slots are left out.
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

/** Show a text in an element that is hidden while it has none. */
export function say(element: HTMLElement, text: string): void {
  element.textContent = text;
  element.hidden = text === "";
}

/** Say what is wrong with a field, beside it and to those who hear it; nothing if `text` is empty. */
export function markField(field: HTMLElement, text: string): void {
  if (text === "") field.removeAttribute("aria-invalid");
  else field.setAttribute("aria-invalid", "true");
  say(byId(`${field.id}-error`, HTMLElement), text);
}
