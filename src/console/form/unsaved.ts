import { byId, fromTemplate } from "../dom.ts";
import type { Question } from "../question.ts";
import { hrefToUser } from "../route.ts";
import type { Drafts } from "./drafts.ts";

/** Says whose input is not saved yet, with links to them, so that nobody forgets it. */
export interface Unsaved {
  /** @param userId Who is shown anyway, and needs no link; empty for nobody. */
  show(userId: string): void;
}

/** Finds its place in the page. */
export function createUnsaved(drafts: Drafts, question: Question): Unsaved {
  const place = byId("unsaved", HTMLElement);
  const list = byId("unsaved-list", HTMLUListElement);
  const template = byId("unsaved-template", HTMLTemplateElement);
  let shown = "";

  function itemFor(userId: string, name: string): HTMLElement {
    const item = fromTemplate(template, { name });
    item.querySelector("a")?.setAttribute("href", hrefToUser(userId));
    const button = item.querySelector("button");
    if (button !== null) button.ariaLabel = `Throw away what was typed for ${name}`;
    button?.addEventListener("click", async () => {
      const text = { name, rest: ": what was typed is not saved." };
      if (await question.ask("Throw it away?", text, "Throw away")) drafts.forget(userId);
    });
    return item;
  }

  return {
    show(userId) {
      shown = userId;
      const others = drafts.people().filter((person) => person.userId !== shown);
      list.replaceChildren(...others.map((person) => itemFor(person.userId, person.name)));
      place.hidden = others.length === 0;
    },
  };
}
