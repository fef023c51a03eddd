import type { HumanState } from "./human-state.ts";

/** What humans are found and sorted by. */
export const searchKeyNames = [
  "userName",
  "firstName",
  "lastName",
  "nickName",
  "displayName",
  "email",
  "phone",
  "state",
  "createdAt",
] as const;

/** The name of a key, as the store keeps it. */
export type SearchKeyName = (typeof searchKeyNames)[number];

/** Every moment has as many digits, so that texts sort like numbers. Enough until the year 2286. */
const momentDigits = 16;

/**
 * What a human is found by; `undefined` if it is absent or removed.
 *
 * A new key, or a key with another meaning, needs a migration that rewrites the index.
 *
 * @param head.createdAt Microseconds since 1970.
 */
export function searchKeys(head: {
  readonly state: HumanState;
  readonly createdAt: number;
}): Readonly<Record<SearchKeyName, string>> | undefined {
  const { state, createdAt } = head;
  if (state.kind !== "present") return undefined;
  const { userName, email, phone, status, profile } = state;
  const { firstName, lastName, nickName, displayName } = profile;
  return {
    userName,
    firstName,
    lastName,
    nickName,
    displayName,
    email,
    phone,
    state: status,
    createdAt: momentKey(createdAt),
  };
}

/** A moment as text that sorts by time. */
export function momentKey(micros: number): string {
  return String(micros).padStart(momentDigits, "0");
}
