import type { ErrorKey } from "./errors.ts";
import type { HumanState, HumanStatus } from "./human-state.ts";

/** Refusals because a human is already as the command wants it, some of them only with this status. */
const refusals: Partial<Record<ErrorKey, "always" | HumanStatus>> = {
  profileNotChanged: "always",
  userNameNotChanged: "always",
  emailNotChanged: "always",
  phoneNotChanged: "always",
  phoneNotFound: "always",
  setEmailNotChanged: "always",
  setPhoneNotChanged: "always",
  alreadyInactive: "inactive",
  notInactive: "active",
  notLockable: "locked",
  notLocked: "active",
  userAlreadyInactive: "inactive",
  userNotInactive: "active",
  userNotLockable: "locked",
  userNotLocked: "active",
};

/** Whether a command was refused only because everything is already as it wants it. */
export function saysUnchanged(refusal: ErrorKey, state: HumanState): boolean {
  const status = refusals[refusal];
  return state.kind === "present" && (status === "always" || status === state.status);
}
