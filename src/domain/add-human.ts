import { trim } from "../text/trim.ts";
import { knownPhone } from "./contact.ts";
import { type ErrorKey, ServiceError } from "./errors.ts";
import type { Account, HumanEvent, HumanState } from "./human-state.ts";
import { displayNameOrDefault, type Profile } from "./profile.ts";

/** Adds a human, who is active at once. */
export type AddHuman = Omit<Account, "phone"> & {
  readonly type: "add";
  /** `""` if there is none; `undefined` if the text sent is no phone number. */
  readonly phone: string | undefined;
  readonly profile: Profile;
  /**
   * Store user name and profile as they are, because they were stored before, such as in an export. Default:
   * user name, first and last name are trimmed and must not be blank, and a blank display name is made from
   * them.
   */
  readonly isVerbatim?: boolean;
};

/**
 * Add a human. Names are trimmed only here: as in ZITADEL, an update stores them verbatim.
 *
 * @throws ServiceError `userAlreadyExists` if the human exists or was removed: ids are never used again.
 * @throws ServiceError `userNameBlank`, `firstNameBlank`, `lastNameBlank`, `phoneInvalid`.
 */
export function add(
  { type: _, profile, isVerbatim = false, phone, ...given }: AddHuman,
  state: HumanState,
): HumanEvent {
  if (state.kind !== "absent") throw new ServiceError("userAlreadyExists");
  const account = { ...given, email: trim(given.email) };
  if (isVerbatim) {
    const data = { ...account, phone: knownPhone(phone), ...profile };
    return { type: "user.human.added", data };
  }
  const userName = filled(given.userName, "userNameBlank");
  const firstName = filled(profile.firstName, "firstNameBlank");
  const lastName = filled(profile.lastName, "lastNameBlank");
  const named = { ...profile, firstName, lastName };
  const displayName = displayNameOrDefault(named, account.email, userName);
  const data = { ...account, phone: knownPhone(phone), userName, ...named, displayName };
  return { type: "user.human.added", data };
}

function filled(text: string, blank: ErrorKey): string {
  const trimmed = trim(text);
  if (trimmed === "") throw new ServiceError(blank);
  return trimmed;
}
