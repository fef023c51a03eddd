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
): (key: string, context: Context) => Promise<Answer> {
  if (!Number.isSafeInteger(reuseMs) || reuseMs <= 0) {
    throw new RangeError(`reuseMs is ${reuseMs}; it must be a positive integer`);
  }
  const answers = new LRUCache<string, Promise<Answer>>({
    max: maxAnswers,
    ttl: reuseMs,
    ttlResolution: 0,
    perf: clock,
  });

  return (key, context) => {
    const known = answers.get(key);
    if (known !== undefined) return known;
    const answer = ask(key, context);
    answers.set(key, answer);
    const forget = () => {
      if (answers.peek(key) === answer) answers.delete(key);
    };
    answer.then((value) => value === undefined && forget(), forget);
    return answer;
  };
}
