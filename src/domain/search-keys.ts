import { plainTextIfOther } from "../text/plain-text.ts";
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

/** The keys for the texts without accents, of those that have any. Nobody is sorted by them. */
export const plainKeys = {
  userName: "plainUserName",
  firstName: "plainFirstName",
  lastName: "plainLastName",
  nickName: "plainNickName",
  displayName: "plainDisplayName",
  email: "plainEmail",
} as const satisfies Partial<Record<SearchKeyName, string>>;

/** The name of a key whose texts may have accents. */
export type AccentedKeyName = keyof typeof plainKeys;

type PlainKeyName = (typeof plainKeys)[AccentedKeyName];
type KeyTexts = Record<SearchKeyName, string> & Partial<Record<PlainKeyName, string>>;
/** Texts by the names of their keys. */
export type HumanKeys = Readonly<KeyTexts>;

const accented = Object.entries(plainKeys) as [AccentedKeyName, PlainKeyName][];

/** Every moment has as many digits, so that texts sort like numbers. Enough until the year 2286. */
const momentDigits = 16;

/**
 * What a human is found by; `undefined` if it is absent or removed.
 *
 * A new key, or a key with another meaning, needs a migration that rewrites the index.
 *
 * @param head.createdAt Microseconds since 1970.
 * @param names The keys that are asked for. Texts without accents take most of the time, so others of these are left
 *   out. Default: all.
 */
export function searchKeys(
  head: { readonly state: HumanState; readonly createdAt: number },
  names?: ReadonlySet<string>,
): HumanKeys | undefined {
  const { state, createdAt } = head;
  if (state.kind !== "present") return undefined;
  const { userName, email, phone, status, profile } = state;
  const { firstName, lastName, nickName, displayName } = profile;
  const keys = {
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
  return withPlainKeys(keys, names);
}

/**
 * Add the texts without accents, where they are other texts.
 *
 * @param names As for `searchKeys`.
 */
export function withPlainKeys(keys: KeyTexts, names?: ReadonlySet<string>): HumanKeys {
  for (const [name, plainName] of accented) {
    if (names !== undefined && !names.has(plainName)) continue;
    const plain = plainTextIfOther(keys[name]);
    if (plain !== "") keys[plainName] = plain;
  }
  return keys;
}

/** A moment as text that sorts by time. */
export function momentKey(micros: number): string {
  return String(micros).padStart(momentDigits, "0");
}
