import type { Random } from "../random.ts";
import type { Answer, Result, Update, UserState } from "./model.ts";
import type { Planned } from "./wish.ts";

/**
 * A server in a few lines, which takes one call after another. Each method is one rule; a wrong server breaks one of
 * them, and says so by `spoil` whenever it has done something that no right server does.
 */
export class Server {
  readonly users: Map<string, UserState>;
  readonly kept = new Map<string, { readonly update: Update; readonly answer: Answer }>();
  /** Whether the history is wrong by now. */
  isSpoilt = false;
  /** The calls that are made at once with the present one. */
  step: readonly Planned[] = [];
  readonly random: Random;
  #answers = 0;

  constructor(users: ReadonlyMap<string, UserState>, random: Random) {
    this.users = new Map(users);
    this.random = random;
  }

  spoil<Value>(value: Value): Value {
    this.isSpoilt = true;
    return value;
  }

  call(planned: Planned): Answer {
    if (planned.kind === "read") {
      const result: Result = { kind: "done", state: this.read(planned.user) };
      return { ...planned, result, told: this.tell(), isReplayed: false };
    }
    const { update, key, lostAfterMs } = planned;
    const wasLost = lostAfterMs.length > 0;
    // Half of the lost attempts arrive.
    const arrived = wasLost && this.random.oneIn(2) && this.attempt(update, key, true);
    const answer = this.attempt(update, key, wasLost);
    if (wasLost && !arrived) this.leave(update);
    return answer;
  }

  attempt(update: Update, key: string | undefined, wasLost: boolean): Answer {
    const kept = key === undefined ? undefined : this.kept.get(key);
    if (kept !== undefined) return this.repeat(kept, update, key, wasLost);
    const answer = this.first(update, key, wasLost);
    if (key !== undefined) this.keep(key, update, answer);
    return answer;
  }

  first(update: Update, key: string | undefined, wasLost: boolean): Answer {
    const result = this.run(update);
    return { kind: "update", update, key, wasLost, result, told: this.tell(), isReplayed: false };
  }

  repeat(
    { update: first, answer }: { readonly update: Update; readonly answer: Answer },
    update: Update,
    key: string | undefined,
    wasLost: boolean,
  ): Answer {
    if (isSame(first, update)) return { ...answer, isReplayed: true, ...{ wasLost } };
    const result: Result = { kind: "reused" };
    return { kind: "update", update, key, wasLost, result, told: this.tell(), isReplayed: false };
  }

  keep(key: string, update: Update, answer: Answer): void {
    this.kept.set(key, { update, answer });
  }

  run(update: Update): Result {
    const { user, number, expected } = update;
    const { sequence, profile } = this.state(user);
    if (expected !== undefined && expected !== sequence) return this.refuse(update, sequence);
    if (profile === `${number}`) return { kind: "unchanged" };
    return { kind: "done", state: this.write(user, number) };
  }

  refuse({ expected }: Update, sequence: number): Result {
    return { kind: "mismatch", expected: String(expected), current: String(sequence) };
  }

  write(user: string, number: number): UserState {
    const state = { sequence: this.state(user).sequence + 1, profile: `${number}` };
    this.users.set(user, state);
    return state;
  }

  read(user: string): UserState {
    return this.state(user);
  }

  /** What becomes of an attempt that was lost on its way to the server. */
  leave(_update: Update): void {}

  state(user: string): UserState {
    return this.users.get(user) as UserState;
  }

  tell(): string {
    this.#answers += 1;
    return `answer ${this.#answers}`;
  }
}

const isSame = (a: Update, b: Update) => JSON.stringify(a) === JSON.stringify(b);

type Kept = Parameters<Server["repeat"]>[0];

/** Ways to be wrong, by what is wrong. */
export const wrongServers: Readonly<Record<string, typeof Server>> = {
  "a change although the version is another one": class extends Server {
    override refuse(update: Update, sequence: number): Result {
      const { user, number } = update;
      if (!this.random.oneIn(3)) return super.refuse(update, sequence);
      if (this.state(user).profile === `${number}`) return this.spoil({ kind: "unchanged" });
      return this.spoil({ kind: "done", state: this.write(user, number) });
    }
  },
  "a refusal although the version is the right one": class extends Server {
    override run(update: Update): Result {
      const { sequence } = this.state(update.user);
      const isWrong = update.expected === sequence && this.random.oneIn(3);
      return isWrong ? this.spoil(this.refuse(update, sequence)) : super.run(update);
    }
  },
  "a mismatch that tells another version": class extends Server {
    override refuse(update: Update, sequence: number): Result {
      // Further away than the calls of one step could make it.
      return this.spoil(super.refuse(update, sequence + 10));
    }
  },
  "two changes that both match one version": class extends Server {
    override write(user: string, number: number): UserState {
      const before = this.state(user);
      const state = super.write(user, number);
      if (!this.random.oneIn(4)) return state;
      this.users.set(user, before);
      return this.spoil(state);
    }
  },
  "a repeat that is done again": class extends Server {
    override repeat(kept: Kept, ...call: [Update, string | undefined, boolean]): Answer {
      const isRepeat = isSame(kept.update, call[0]);
      return isRepeat ? this.spoil(this.first(...call)) : super.repeat(kept, ...call);
    }
  },
  "a repeat that is done again and marked as a repeat": class extends Server {
    override repeat(kept: Kept, ...call: [Update, string | undefined, boolean]): Answer {
      if (!isSame(kept.update, call[0])) return super.repeat(kept, ...call);
      return this.spoil({ ...this.first(...call), isReplayed: true });
    }
  },
  "a repeat that is not marked": class extends Server {
    override repeat(...call: [Kept, Update, string | undefined, boolean]): Answer {
      const answer = super.repeat(...call);
      return answer.isReplayed ? this.spoil({ ...answer, isReplayed: false }) : answer;
    }
  },
  "a first answer that is marked as a repeat": class extends Server {
    override first(...call: [Update, string | undefined, boolean]): Answer {
      const answer = super.first(...call);
      const key = call[1];
      // A lost attempt of the same step could have been the first one.
      const isLost = this.step.some(
        (each) => each.kind === "update" && each.key === key && each.lostAfterMs.length > 0,
      );
      const isWrong = key !== undefined && !isLost;
      return isWrong ? this.spoil({ ...answer, isReplayed: true }) : answer;
    }
  },
  "an answer to another update of the key": class extends Server {
    override repeat(kept: Kept, ...call: [Update, string | undefined, boolean]): Answer {
      if (isSame(kept.update, call[0])) return super.repeat(kept, ...call);
      const [update, key, wasLost] = call;
      return this.spoil({ ...kept.answer, kind: "update", update, key, wasLost, isReplayed: true });
    }
  },
  "a repeat that is called another update": class extends Server {
    override repeat(kept: Kept, ...call: [Update, string | undefined, boolean]): Answer {
      const answer = super.repeat(kept, ...call);
      if (!answer.isReplayed || !this.random.oneIn(3)) return answer;
      return this.spoil({ ...answer, result: { kind: "reused" }, told: "", isReplayed: false });
    }
  },
  "a refusal that is forgotten": class extends Server {
    readonly #forgotten = new Set<string>();
    override keep(key: string, update: Update, answer: Answer): void {
      if (answer.result.kind === "done") super.keep(key, update, answer);
      else this.#forgotten.add(key);
    }
    override first(...call: [Update, string | undefined, boolean]): Answer {
      const isWrong = call[1] !== undefined && this.#forgotten.has(call[1]);
      const answer = super.first(...call);
      return isWrong ? this.spoil(answer) : answer;
    }
  },
  "an outcome that is kept although its change is not stored": class extends Server {
    override first(...call: [Update, string | undefined, boolean]): Answer {
      const [{ user }, key] = call;
      const before = this.state(user);
      const answer = super.first(...call);
      if (answer.result.kind !== "done" || key === undefined || !this.random.oneIn(3))
        return answer;
      this.users.set(user, before);
      return this.spoil(answer);
    }
  },
  "a lost attempt that is stored beside its repeat": class extends Server {
    override leave({ user, number }: Update): void {
      if (this.state(user).profile !== `${number}`) this.spoil(this.write(user, number));
    }
  },
  "a read of the version before": class extends Server {
    readonly #before = new Map<string, UserState>();
    override write(user: string, number: number): UserState {
      this.#before.set(user, this.state(user));
      return super.write(user, number);
    }
    override read(user: string): UserState {
      const before = this.#before.get(user);
      return before === undefined ? super.read(user) : this.spoil(before);
    }
  },
};
