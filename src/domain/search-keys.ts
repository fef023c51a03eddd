import type { HumanState } from "./human.ts";

/** What humans are found and sorted by. */
export const searchKeyNames = [
  "userName",
  "firstName",
  "lastName",
  "nickName",
  "displayName",
  "email",
  "state",
  "createdAt",
] as const;

export type SearchKeyName = (typeof searchKeyNames)[number];

/** Digits of a moment, so that text is sorted as numbers are. Enough until the year 2286. */
const momentDigits = 16;

/**
 * What a human is found by; `undefined` if it is absent or removed.
 *
 * Adding a key, or making one of something else, needs a migration that writes the index anew.
 *
 * @param head.createdAt Microseconds since 1970.
 */
export function searchKeys(head: {
  readonly state: HumanState;
  readonly createdAt: number;
}): Readonly<Record<SearchKeyName, string>> | undefined {
  const { state, createdAt } = head;
  if (state.kind !== "present") return undefined;
  const { userName, email, status, profile } = state;
  const { firstName, lastName, nickName, displayName } = profile;
  return {
    userName,
    firstName,
    lastName,
    nickName,
    displayName,
    email,
    state: status,
    createdAt: momentKey(createdAt),
  };
}

/** A moment as a key that is sorted by time. */
export function momentKey(micros: number): string {
  return String(micros).padStart(momentDigits, "0");
}
