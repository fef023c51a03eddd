import { byId } from "../dom.ts";
import { hrefTo, placeFrom } from "../route.ts";
import type { Kind, State, Terms } from "./terms.ts";

/** The fields that say whom to look for. What they say goes into the address, so that "back" and links work. */
export interface SearchForm {
  read(): Terms;
  fill(terms: Terms): void;
  /** Look for what is typed at once, if the form still waits whether somebody types on. */
  settle(): void;
  /** Move the focus to the words. */
  focus(): void;
}

/** The server is asked when nobody has typed for so long, in milliseconds. */
const pauseMs = 200;

/**
 * Finds the form in the page.
 *
 * @param onChange Called when somebody looks for something else.
 */
export function createSearchForm(onChange: () => void): SearchForm {
  const form = byId("search", HTMLFormElement);
  const words = byId("query", HTMLInputElement);
  const state = byId("state-filter", HTMLSelectElement);
  const accounts = byId("kind-accounts", HTMLInputElement);
  const people = byId("kind-people", HTMLInputElement);
  /** 0 if nothing was typed since the last question. */
  let pause = 0;
  /** What is typed in one go is one step for "back". */
  let isTyping = false;

  const read = (): Terms => ({
    text: words.value.trim(),
    kind: (accounts.checked ? "service-accounts" : "people") satisfies Kind,
    state: state.value as State,
  });

  function changed(): void {
    stopPause();
    const address = hrefTo({ ...placeFrom(location.hash), terms: read() });
    if (address !== location.hash) {
      if (isTyping) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
    }
    onChange();
  }

  function typed(): void {
    changed();
    isTyping = true;
  }

  function stopPause(): void {
    clearTimeout(pause);
    pause = 0;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    changed();
    isTyping = false;
  });
  words.addEventListener("input", () => {
    stopPause();
    pause = setTimeout(typed, pauseMs);
  });
  words.addEventListener("change", () => {
    isTyping = false;
  });
  for (const choice of [state, accounts, people]) choice.addEventListener("change", changed);

  return {
    read,
    fill(terms) {
      stopPause();
      isTyping = false;
      // A blank at the end is still being typed behind.
      if (words.value.trim() !== terms.text) words.value = terms.text;
      accounts.checked = terms.kind === "service-accounts";
      people.checked = terms.kind === "people";
      state.value = terms.state;
    },
    settle() {
      if (pause !== 0) typed();
    },
    focus: () => words.focus(),
  };
}
