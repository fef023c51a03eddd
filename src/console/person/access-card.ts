import { type User, UserState } from "../../../gen/zitadel/user_pb.ts";
import type { Api } from "../api.ts";
import { byId, say } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import type { Question } from "../question.ts";
import { personName } from "../wording.ts";
import { type Answer, type Card, type Report, storedText } from "./report.ts";

/** The call that a button makes, and what is said when it is done. */
type Step = {
  readonly label: string;
  readonly done: string;
  call(api: Api, id: string): Promise<Answer>;
};

const lock: Step = { label: "Lock", done: "Locked", call: (api, id) => api.lockUser({ id }) };
const unlock: Step = {
  label: "Unlock",
  done: "Unlocked",
  call: (api, id) => api.unlockUser({ id }),
};
const deactivate: Step = {
  label: "Deactivate",
  done: "Deactivated",
  call: (api, id) => api.deactivateUser({ id }),
};
const reactivate: Step = {
  label: "Reactivate",
  done: "Reactivated",
  call: (api, id) => api.reactivateUser({ id }),
};

/** What each button does in each state. In a state that is not here it is hidden. */
const steps: Readonly<Record<string, Readonly<Record<number, Step>>>> = {
  lock: { [UserState.ACTIVE]: lock, [UserState.LOCKED]: unlock },
  deactivate: {
    [UserState.ACTIVE]: deactivate,
    [UserState.LOCKED]: deactivate,
    [UserState.INACTIVE]: reactivate,
  },
};

/** The buttons that lock, deactivate and remove a user. */
export function createAccessCard(api: Api, report: Report, question: Question): Card {
  const saved = byId("access-saved", HTMLElement);
  const notice = byId("access-notice", HTMLElement);
  const part = byId("access", HTMLElement);
  const removal = byId("remove", HTMLButtonElement);
  let shown: User | undefined;
  let isBusy = false;

  /** Make one change at a time, and explain why it failed. */
  async function attempt(userId: string, change: () => Promise<void>): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    report.begin();
    try {
      await change();
    } catch (error) {
      if (shown?.id === userId) say(notice, problemFrom(error).text);
    } finally {
      isBusy = false;
    }
  }

  const make = (userId: string, { done, call }: Step) =>
    attempt(userId, async () => {
      const answer = await call(api, userId);
      await report.stored(userId, saved, storedText(answer, done));
    });

  const remove = (user: User) =>
    attempt(user.id, async () => {
      const name = personName(user);
      const text = `${name} will be removed, with the profile and the metadata. This cannot be undone.`;
      if (!(await question.ask("Remove this person?", text, "Remove"))) return;
      const answer = await api.removeUser({ id: user.id });
      await report.removed(user.id, storedText(answer, `${name} was removed`));
    });

  const buttons = Object.entries(steps).map(([id, byState]) => {
    const button = byId(id, HTMLButtonElement);
    button.addEventListener("click", () => {
      const step = shown && byState[shown.state];
      if (shown !== undefined && step !== undefined) void make(shown.id, step);
    });
    return { button, byState };
  });
  removal.addEventListener("click", () => {
    if (shown !== undefined) void remove(shown);
  });

  return {
    show(user, { mayWrite, mayDelete }) {
      shown = user;
      for (const { button, byState } of buttons) {
        const step = byState[user.state];
        button.textContent = step?.label ?? "";
        button.hidden = !mayWrite || step === undefined;
      }
      removal.hidden = !mayDelete;
      part.hidden = !mayWrite && !mayDelete;
    },
    reset: question.cancel,
  };
}
