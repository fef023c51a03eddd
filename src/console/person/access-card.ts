import type { CallOptions } from "@connectrpc/connect";
import { type User, UserState } from "../../../gen/zitadel/user_pb.ts";
import { type Api, ifVersion } from "../api.ts";
import { byId } from "../dom.ts";
import { personName } from "../wording.ts";
import { type Answer, type Card, storedText, type Tools, versionOf } from "./report.ts";

/** The call that a button makes, and what is said when it is done. */
type Step = {
  readonly label: string;
  readonly done: string;
  call(api: Api, id: string, options: CallOptions): Promise<Answer>;
};

const lock: Step = {
  label: "Lock",
  done: "Locked",
  call: (api, id, options) => api.lockUser({ id }, options),
};
const unlock: Step = {
  label: "Unlock",
  done: "Unlocked",
  call: (api, id, options) => api.unlockUser({ id }, options),
};
const deactivate: Step = {
  label: "Deactivate",
  done: "Deactivated",
  call: (api, id, options) => api.deactivateUser({ id }, options),
};
const reactivate: Step = {
  label: "Reactivate",
  done: "Reactivated",
  call: (api, id, options) => api.reactivateUser({ id }, options),
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
export function createAccessCard({ api, report, attempt, question }: Tools): Card {
  const saved = byId("access-saved", HTMLElement);
  const notice = byId("access-notice", HTMLElement);
  const part = byId("access", HTMLElement);
  const removal = byId("remove", HTMLButtonElement);
  let shown: User | undefined;

  const make = (user: User, { done, call }: Step) =>
    attempt(user.id, notice, async () => {
      const answer = await call(api, user.id, ifVersion(versionOf(user)));
      await report.stored(user.id, saved, storedText(answer, done));
    });

  const remove = (user: User) =>
    attempt(user.id, notice, async () => {
      const name = personName(user);
      const rest = " will be removed, with the profile and the metadata. This cannot be undone.";
      if (!(await question.ask("Remove this person?", { name, rest }, "Remove"))) return;
      const answer = await api.removeUser({ id: user.id }, ifVersion(versionOf(user)));
      await report.removed(user.id, { name, rest: storedText(answer, " was removed") });
    });

  const buttons = Object.entries(steps).map(([id, byState]) => {
    const button = byId(id, HTMLButtonElement);
    button.addEventListener("click", () => {
      const step = shown && byState[shown.state];
      if (shown !== undefined && step !== undefined) void make(shown, step);
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
