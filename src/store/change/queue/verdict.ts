import { type Head, StoreOverloadedError } from "../../event-store.ts";

/** A change, and what it has behind it. */
export type Numbered = {
  readonly number: number;
  /** How often it lost to another process. */
  readonly races: number;
};

/** A change whose answer is not known yet; see `StreamChanges`. */
export type Held = Numbered & {
  /** For when a later append proves it. `undefined`: it lost a race, so there is nothing to prove. */
  readonly answer: Answer | undefined;
};

/** How an append ended. */
export type AppendOutcome =
  | { readonly kind: "stored"; readonly head: Head<unknown> }
  /** Another process was faster. Nothing was stored. */
  | { readonly kind: "conflict" }
  /** The error says whether something may be stored. */
  | { readonly kind: "failed"; readonly error: unknown };

/** How an append ended, or that there is none because the change was refused or changes nothing. */
export type Outcome =
  | AppendOutcome
  | { readonly kind: "without-append"; readonly answer: Answer; readonly isProven: boolean };

/** What the caller of a change gets. */
export type Answer =
  /** The head is stored: after the change, or before it if it changes nothing. */
  | { readonly kind: "stored"; readonly number: number; readonly head: Head<unknown> }
  | { readonly kind: "rejected"; readonly number: number; readonly error: unknown }
  /** The visit is over. Whoever came knows more. */
  | { readonly kind: "visited"; readonly number: number };

/**
 * Races lost to other processes by a change that begins a stream, which may be for its unique keys: it cannot take a turn
 * alone. An even race is lost this often in a row once in four billion.
 */
const maxLostRaces = 32;
/** Long enough for the other processes to finish a burst of writes. */
const retryAfterMs = 1000;

/** What the outcomes looked at so far come to. */
export type Tally = {
  /** Their outcome is known, their answer is not; in order. */
  held: readonly Held[];
  /** Why what comes next in flight may not be stored; the first reason counts. */
  broken: "conflict" | "failed" | undefined;
  /** To be given, in this order. */
  readonly answers: Answer[];
  /** How many changes turned out to have lost a race. */
  lostRaces: number;
};

/** Add the outcome of the next change to a tally: answer the change, or hold it. */
export function judge(tally: Tally, change: Numbered, outcome: Outcome): void {
  const { number } = change;
  switch (outcome.kind) {
    case "stored":
      answerHeld(tally);
      tally.answers.push(stored(number, outcome.head));
      // It rests on its predecessors. So one whose outcome was not known is stored.
      tally.broken = undefined;
      break;
    case "failed":
      tally.answers.push(rejected(number, outcome.error));
      tally.broken ??= "failed";
      break;
    case "conflict":
      tally.broken ??= "conflict";
      hold(tally, change, undefined);
      break;
    case "without-append":
      if (outcome.isProven && tally.broken === undefined) tally.answers.push(outcome.answer);
      else hold(tally, change, outcome.answer);
  }
}

/** An append that is stored proves the answers that were held before it. */
function answerHeld(tally: Tally): void {
  for (const { answer } of tally.held) if (answer !== undefined) tally.answers.push(answer);
  tally.held = tally.held.filter(({ answer }) => answer === undefined);
}

/** Hold a change. If a race was lost, count it; a change that lost too many is rejected. */
function hold(tally: Tally, { number, races }: Numbered, answer: Held["answer"]): void {
  const isLost = tally.broken === "conflict";
  if (isLost) tally.lostRaces += 1;
  const held = { number, races: isLost ? races + 1 : races, answer };
  if (held.races < maxLostRaces) tally.held = [...tally.held, held];
  else tally.answers.push(rejected(number, tooManyRaces()));
}

/** The answer of a change that is stored, or that changes nothing of a stored head. */
export function stored(number: number, head: Head<unknown>): Answer {
  return { kind: "stored", number, head };
}

/** The answer that rejects a change. */
export function rejected(number: number, error: unknown): Answer {
  return { kind: "rejected", number, error };
}

function tooManyRaces(): StoreOverloadedError {
  return new StoreOverloadedError(`lost ${maxLostRaces} races for one stream`, retryAfterMs);
}
