import { LRUCache } from "lru-cache";

/**
 * How long access answers are reused by default. A revoked token and a removed membership must stop
 * working within 5 seconds on every node; 2 leave room for a slow look-up, and spare a busy caller
 * nearly all of them.
 */
export const defaultReuseMs = 2_000;

/** At most this many answers are kept per question: some megabytes, far more callers than are busy at once. */
const maxAnswers = 10_000;

/** A clock that never goes back, in milliseconds. `performance` is one. */
export type SteadyClock = { readonly now: () => number };

/** Looks a key up, or has looked it up before. */
export type ReusedAnswers<Answer, Context = void> = {
  (key: string, context: Context): Promise<Answer>;
  /** The answer that may be reused at this moment; `undefined` where it has to be asked for. */
  remembered(key: string): Answer | undefined;
};

/**
 * Ask once, answer many: an answer is reused until `reuseMs` after its question was asked, and
 * overlapping questions with one key share a look-up. `undefined` and failures are never reused, so
 * what was just created is found at once.
 *
 * @param ask Looks the key up, in the context of whoever asked first.
 * @param reuseMs More than 0.
 * @param clock Not the wall clock: when that is set back, an answer would outlive its time.
 * @throws RangeError if `reuseMs` is not a positive integer; zero would mean "for ever".
 */
export function createReusedAnswers<Answer, Context = void>(
  ask: (key: string, context: Context) => Promise<Answer>,
  reuseMs: number,
  clock: SteadyClock,
): ReusedAnswers<Answer, Context> {
  if (!Number.isSafeInteger(reuseMs) || reuseMs <= 0) {
    throw new RangeError(`reuseMs is ${reuseMs}; it must be a positive integer`);
  }
  type Entry = { readonly answer: Promise<Answer>; value: Answer | undefined };
  const answers = new LRUCache<string, Entry>({
    max: maxAnswers,
    ttl: reuseMs,
    ttlResolution: 0,
    perf: clock,
  });

  const lookUp = (key: string, context: Context): Promise<Answer> => {
    const known = answers.get(key);
    if (known !== undefined) return known.answer;
    const entry: Entry = { answer: ask(key, context), value: undefined };
    answers.set(key, entry);
    const forget = () => {
      if (answers.peek(key) === entry) answers.delete(key);
    };
    entry.answer.then((value) => {
      entry.value = value;
      if (value === undefined) forget();
    }, forget);
    return entry.answer;
  };
  return Object.assign(lookUp, { remembered: (key: string) => answers.get(key)?.value });
}
