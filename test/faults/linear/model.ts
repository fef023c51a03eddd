/** A user, as far as answers show it. */
export type UserState = { readonly sequence: number; readonly profile: string };

/** What an update asks for. The server binds a key to it. */
export type Update = {
  readonly user: string;
  /** Of the profile. With few numbers, several updates often want the same one. */
  readonly number: number;
  /** The version in `if-match`; `undefined`: there is no such header. */
  readonly expected: number | undefined;
};

/** A call. All attempts of a call with a key carry that key. */
export type Call =
  | { readonly kind: "read"; readonly user: string }
  | {
      readonly kind: "update";
      readonly update: Update;
      readonly key: string | undefined;
      /** Whether an attempt was left without an answer: it may have taken effect. */
      readonly wasLost: boolean;
    };

/** What an answer says. */
export type Result =
  | { readonly kind: "done"; readonly state: UserState }
  | { readonly kind: "unchanged" }
  | { readonly kind: "mismatch"; readonly expected: string; readonly current: string }
  /** The key belongs to another update. */
  | { readonly kind: "reused" };

/** A call and its last answer. */
export type Answer = Call & {
  readonly result: Result;
  /** The whole answer, in one form for all protocols. */
  readonly told: string;
  /** Whether it is marked as the answer to an earlier attempt. */
  readonly isReplayed: boolean;
};

/** What one server would hold that takes one call after another. */
export type World = {
  readonly users: ReadonlyMap<string, UserState>;
  /** The first update of each key, and its answer. */
  readonly keys: ReadonlyMap<string, { readonly update: Update; readonly told: string }>;
};

/**
 * The world after all answers, in some order that explains them; `undefined` if there is none. The order does
 * not matter for the result, because answers tell sequences.
 *
 * @param textOf The profile of a number, as answers show it.
 */
export function explain(
  world: World,
  answers: readonly Answer[],
  textOf: (number: number) => string,
): World | undefined {
  if (answers.length === 0) return world;
  for (const answer of answers) {
    const next = step(world, answer, textOf);
    const rest = answers.filter((other) => other !== answer);
    const last = next && explain(next, rest, textOf);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** The world after the call, if a server that takes one call after another gives this answer. */
function step(world: World, answer: Answer, textOf: (number: number) => string): World | undefined {
  if (answer.kind === "read") return isSeen(world, answer) ? world : undefined;
  const { key, update, told, isReplayed, wasLost } = answer;
  const kept = key === undefined ? undefined : world.keys.get(key);
  if (kept !== undefined) {
    const { result } = answer;
    if (!isSameUpdate(kept.update, update)) return result.kind === "reused" ? world : undefined;
    return isReplayed && told === kept.told ? world : undefined;
  }
  // Only an attempt that was lost can have been the first one.
  if (isReplayed && !wasLost) return undefined;
  const users = afterUpdate(world.users, update, answer.result, textOf(update.number));
  if (users === undefined) return undefined;
  const keys = key === undefined ? world.keys : new Map([...world.keys, [key, { update, told }]]);
  return { users, keys };
}

/** The users after an update that is the first with its key, or has none. */
function afterUpdate(
  users: World["users"],
  { user, expected }: Update,
  result: Result,
  profile: string,
): World["users"] | undefined {
  const before = users.get(user);
  if (before === undefined) return undefined;
  if (expected !== undefined && expected !== before.sequence) {
    const isTold =
      result.kind === "mismatch" &&
      result.expected === String(expected) &&
      result.current === String(before.sequence);
    return isTold ? users : undefined;
  }
  if (profile === before.profile) return result.kind === "unchanged" ? users : undefined;
  const after = { sequence: before.sequence + 1, profile };
  if (result.kind !== "done" || !isSameState(result.state, after)) return undefined;
  return new Map([...users, [user, after]]);
}

function isSeen({ users }: World, { user, result }: Answer & { kind: "read" }): boolean {
  const state = users.get(user);
  return state !== undefined && result.kind === "done" && isSameState(result.state, state);
}

const isSameState = (a: UserState, b: UserState) =>
  a.sequence === b.sequence && a.profile === b.profile;

const isSameUpdate = (a: Update, b: Update) =>
  a.user === b.user && a.number === b.number && a.expected === b.expected;
