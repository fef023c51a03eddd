import { byId, type Sentence, say } from "./dom.ts";

/** Asks before something is done that cannot be undone. */
export interface Question {
  /**
   * Ask, and wait for the answer. The focus is on "Cancel", and goes back to where it was afterwards.
   *
   * @param action What the button that agrees says, such as "Remove".
   * @returns Whether the answer is yes. Escape and "Cancel" mean no.
   */
  ask(title: string, text: Sentence, action: string): Promise<boolean>;
  /** Take the question back, as if the answer was no. */
  cancel(): void;
}

/** Finds the dialog in the page. */
export function createQuestion(): Question {
  const dialog = byId("question", HTMLDialogElement);
  const titleLine = byId("question-title", HTMLElement);
  const textLine = byId("question-text", HTMLElement);
  const yes = byId("question-yes", HTMLButtonElement);
  const no = byId("question-no", HTMLButtonElement);
  /** Gives the answer to whoever asked last. */
  let settle = (_isYes: boolean) => {};

  function finish(isYes: boolean): void {
    const answer = settle;
    settle = () => {};
    dialog.close();
    answer(isYes);
  }

  yes.addEventListener("click", () => finish(true));
  no.addEventListener("click", () => finish(false));
  // Escape is answered before the dialog is hidden, so that whoever asks again at once is not kept waiting.
  dialog.addEventListener("cancel", () => finish(false));
  // Browsers may close a dialog without that event. This one comes later, when the next question may be open already.
  dialog.addEventListener("close", () => {
    if (!dialog.open) finish(false);
  });

  return {
    ask(title, text, action) {
      finish(false);
      titleLine.textContent = title;
      say(textLine, text);
      yes.textContent = action;
      dialog.showModal();
      no.focus();
      return new Promise((resolve) => {
        settle = resolve;
      });
    },
    cancel: () => finish(false),
  };
}
