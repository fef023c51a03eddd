import { lowerCase } from "../text/lower-case.ts";
import { trim } from "../text/trim.ts";
import { ServiceError } from "./errors.ts";
import { type Account, type HumanEvent, type HumanState, present } from "./human-state.ts";

/** Of v1. The name is stored verbatim. */
export type ChangeUserName = { readonly type: "change-user-name"; readonly userName: string };

/**
 * Change the user name. A change of case alone is a change, too.
 *
 * @throws ServiceError `newUserNameBlank`; `changeUserNameNotFound` if the human is absent or removed;
 *   `userNameNotChanged` if the name is the same.
 */
export function changeUserName(
  { userName }: ChangeUserName,
  state: HumanState,
): readonly HumanEvent[] {
  if (trim(userName) === "") throw new ServiceError("newUserNameBlank");
  const events = userNameEvents(present(state, "changeUserNameNotFound"), userName);
  if (events.length === 0) throw new ServiceError("userNameNotChanged");
  return events;
}

/** What leads to this user name; empty if it is the same. */
export function userNameEvents(
  before: Pick<Account, "userName">,
  userName: string,
): readonly HumanEvent[] {
  return userName === before.userName
    ? []
    : [{ type: "user.username.changed", data: { userName } }];
}

/** The names that nobody else may hold while this state lasts. */
export function uniqueKeys(state: HumanState): readonly string[] {
  return state.kind === "present" ? [userNameKey(state.userName)] : [];
}

/** Whether both states hold the same names. Does not lower-case a name that did not change. */
export function hasSameUniqueKeys(before: HumanState, after: HumanState): boolean {
  if (before.kind !== "present" || after.kind !== "present") return before.kind === after.kind;
  const { userName } = before;
  return userName === after.userName || userNameKey(userName) === userNameKey(after.userName);
}

/** The name by which the store finds whoever has this user name, in any case. */
export function userNameKey(userName: string): string {
  return `user-name:${lowerCase(userName)}`;
}
