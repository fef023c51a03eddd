/** The calls of a form. A form may be closed, and opened for somebody else, while one is under way. */
export interface FormCalls {
  /** Whether a call is under way for what the form shows. */
  isBusy(): boolean;
  /** The form was closed: a call that is under way does not concern it any more. */
  forget(): void;
  /**
   * Mark the form as busy during a call.
   *
   * @param call `isCurrent` tells it whether the form has stayed open meanwhile.
   */
  run(call: (isCurrent: () => boolean) => Promise<void>): Promise<void>;
}

/** At most one call of a form is current. */
export function createFormCalls(form: HTMLFormElement): FormCalls {
  /** Counts how often the form was closed. */
  let turn = 0;
  /** The turn whose call is under way. */
  let busyTurn = -1;

  return {
    isBusy: () => busyTurn === turn,
    forget() {
      turn += 1;
      form.ariaBusy = null;
    },
    async run(call) {
      const turnOfCall = turn;
      const isCurrent = () => turnOfCall === turn;
      busyTurn = turnOfCall;
      form.ariaBusy = "true";
      try {
        await call(isCurrent);
      } finally {
        if (isCurrent()) {
          busyTurn = -1;
          form.ariaBusy = null;
        }
      }
    },
  };
}
