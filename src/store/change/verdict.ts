import { type Head, StoreOverloadedError } from "../event-store.ts";

/** A change, and what it has behind it. */
export type Numbered = {
  readonly number: number;
  /** How often it lost to another process. */
  readonly races: number;
};

/** A change whose answer is not known yet; see `StreamChanges`. */
export type Held = Numbered & {
  /** `undefined`: it lost a race, so there is nothing that a later append could prove. */
  readonly refusal: { readonly error: unknown } | undefined;
};

/** How an append ended. */
export type AppendOutcome =
  | { readonly kind: "stored"; readonly head: Head<unknown> }
  /** Another process was faster. Nothing was stored. */
  | { readonly kind: "conflict" }
  /** The error says whether something may be stored. */
  | { readonly kind: "failed"; readonly error: unknown };

/** How an append ended, or that there is none because the change was refused. */
export type Outcome =
  | AppendOutcome
  | { readonly kind: "refused"; readonly error: unknown; readonly isProven: boolean };

/** What the caller of a change gets. */
export type Answer =
  | { readonly kind: "stored"; readonly number: number; readonly head: Head<unknown> }
  | { readonly kind: "rejected"; readonly number: number; readonly error: unknown };

/** Races lost to other processes. An even race is lost this often in a row once in four billion. */
const maxLostRaces = 32;
/** Long enough for the other processes to finish a burst of writes. */
const retryAfterMs = 1000;

/** What the outcomes looked at so far come to. */
export type Verdict = {
  /** Their outcome is known, their answer is not; in order. */
  readonly held: readonly Held[];
  /** Why what comes next in flight may not be stored; the first reason counts. */
  readonly broken: "conflict" | "failed" | undefined;
  /** To be given, in this order. */
  readonly answers: readonly Answer[];
  /** How many changes turned out to have lost a race. */
  readonly lostRaces: number;
};

/** Add the outcome of the next change to a verdict: answer the change, or hold it. */
export function judge(verdict: Verdict, change: Numbered, outcome: Outcome): Verdict {
  const { number } = change;
  const { held, broken, answers } = verdict;
  switch (outcome.kind) {
    case "stored":
      return {
        ...verdict,
        held: held.filter(({ refusal }) => refusal === undefined),
        // It rests on its predecessors. So one whose outcome was not known is stored.
        broken: undefined,
        answers: [...answers, ...refusalsOf(held), { kind: "stored", number, head: outcome.head }],
      };
    case "failed":
      return {
        ...verdict,
        broken: broken ?? "failed",
        answers: [...answers, rejected(number, outcome.error)],
      };
    case "conflict":
      return hold({ ...verdict, broken: broken ?? "conflict" }, change, undefined);
    case "refused":
      return outcome.isProven && broken === undefined
        ? { ...verdict, answers: [...answers, rejected(number, outcome.error)] }
        : hold(verdict, change, { error: outcome.error });
  }
}

function refusalsOf(held: readonly Held[]): Answer[] {
  return held.flatMap(({ number, refusal }) =>
    refusal === undefined ? [] : [rejected(number, refusal.error)],
  );
}

/** Hold a change. If a race was lost, count it; a change that lost too many is rejected. */
function hold(verdict: Verdict, { number, races }: Numbered, refusal: Held["refusal"]): Verdict {
  const { held, broken, answers } = verdict;
  if (broken !== "conflict") return { ...verdict, held: [...held, { number, races, refusal }] };
  const lostRaces = verdict.lostRaces + 1;
  if (races + 1 < maxLostRaces) {
    return { ...verdict, lostRaces, held: [...held, { number, races: races + 1, refusal }] };
  }
  return { ...verdict, lostRaces, answers: [...answers, rejected(number, tooManyRaces())] };
}

/** The answer that rejects a change. */
export function rejected(number: number, error: unknown): Answer {
  return { kind: "rejected", number, error };
}

function tooManyRaces(): StoreOverloadedError {
  return new StoreOverloadedError(`lost ${maxLostRaces} races for one stream`, retryAfterMs);
}
