import { byId } from "./dom.ts";

/** Asks before something is done that cannot be undone. */
export interface Question {
  /**
   * Ask, and wait for the answer. The focus is on "Cancel", and goes back to where it was afterwards.
   *
   * @param action What the button that agrees says, such as "Remove".
   * @returns Whether the answer is yes. Escape and "Cancel" mean no.
   */
  ask(title: string, text: string, action: string): Promise<boolean>;
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
  yes.addEventListener("click", () => dialog.close("yes"));
  no.addEventListener("click", () => dialog.close());

  return {
    ask(title, text, action) {
      titleLine.textContent = title;
      textLine.textContent = text;
      yes.textContent = action;
      // Escape closes the dialog and leaves the value as it is.
      dialog.returnValue = "";
      dialog.showModal();
      no.focus();
      return new Promise((resolve) => {
        dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), {
          once: true,
        });
      });
    },
    cancel: () => dialog.close(),
  };
}
