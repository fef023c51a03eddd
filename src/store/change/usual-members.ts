/**
 * Nearly all people share many values: no nick name, no phone, active. Stored texts lack the members with these values,
 * and get them back when they are read. That saves an eighth of the bytes of a user, and most of the bytes of an update.
 *
 * A text without a member means the value that is named here. So a value never changes, and a member that older texts
 * may lack for another reason never comes here. Texts that have all members, as older releases wrote them, are read alike.
 */

type Members = Readonly<Record<string, unknown>>;

/** What members are left out with which value. `undefined`: always stored; such names give the order of all. */
const account: Members = {
  userName: undefined,
  email: undefined,
  isEmailVerified: false,
  phone: "",
  isPhoneVerified: false,
};

const profile: Members = {
  firstName: undefined,
  lastName: undefined,
  nickName: "",
  displayName: undefined,
  preferredLanguage: "und",
  gender: 0,
};

const present: Members = { kind: undefined, status: "active", ...account, profile: undefined };

/** By type. The data of no other event has all of its members. */
const dataOf = new Map<string, Members>([["user.human.added", { ...account, ...profile }]]);

/** @throws TypeError if the state is not JSON. */
export function textFromState(state: unknown): string {
  if (!isPresent(state)) return JSON.stringify(state);
  return JSON.stringify({
    ...withoutUsual(state, present),
    profile: withoutUsual(state.profile, profile),
  });
}

/** @param text As `textFromState` made it. */
export function stateFromText(text: string): unknown {
  const state: unknown = JSON.parse(text);
  if (!isPresent(state)) return state;
  return { ...present, ...state, profile: { ...profile, ...state.profile } };
}

/** @throws TypeError if the data is not JSON. */
export function textFromData(type: string, data: object): string {
  const usual = dataOf.get(type);
  return JSON.stringify(usual === undefined ? data : withoutUsual(data, usual));
}

/**
 * @param text As `textFromData` made it. Of an event that was erased: an empty object, which stays one.
 */
export function dataFromText(type: string, text: string): object {
  const data: object = JSON.parse(text);
  const usual = dataOf.get(type);
  return usual === undefined || text === "{}" ? data : { ...usual, ...data };
}

function isPresent(
  state: unknown,
): state is { readonly kind: "present"; readonly profile: object } {
  return typeof state === "object" && state !== null && "kind" in state && state.kind === "present";
}

/** A copy. JSON leaves out what is `undefined`. */
function withoutUsual(members: object, usual: Members): object {
  const kept: Record<string, unknown> = { ...members };
  for (const name in usual) if (kept[name] === usual[name]) kept[name] = undefined;
  return kept;
}
