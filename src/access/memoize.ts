import { LRUCache } from "lru-cache";

/**
 * How long answers about access are reused by default. A revoked token and a removed membership must
 * stop working within 5 seconds on every node. 2 seconds leave room for a slow look-up, and spare a
 * busy caller nearly all look-ups.
 */
export const defaultMaxAgeMs = 2_000;

/** Per memoized function. Takes some megabytes, and is far more than the callers that are busy at once. */
const maxAnswers = 10_000;

/** How long a question is shared whose answer will say its own max age. No question takes as long. */
const maxPendingMs = 60_000;

/** A clock that never goes back, in milliseconds. `performance` is one. */
export type SteadyClock = { readonly now: () => number };

/** Asks, or gives the answer that was asked for before. */
export type Memoized<Answer, Context = void> = {
  /** @param context Given to `ask`; it is not part of the key. */
  (key: string, context: Context): Promise<Answer>;
  /** The answer that may be reused at this moment; `undefined` if there is none. */
  remembered(key: string): Answer | undefined;
};

/**
 * Ask once per key and reuse the answer. Overlapping questions with one key share an answer.
 *
 * Failures are never reused. Neither is `undefined`, so that what was just created is found at once.
 *
 * @param ask Runs in the context of the first who asked.
 * @param options.maxAgeMs For how long an answer is reused, in whole milliseconds since its question
 *   was asked; as a function, what the answer allows, and 0 means not at all.
 * @param options.clock Not the wall clock: if that is set back, an answer outlives its max age.
 * @throws RangeError if `maxAgeMs` is a number, but not a positive integer; the cache would take 0
 *   for "for ever".
 */
export function memoize<Answer, Context = void>(
  ask: (key: string, context: Context) => Promise<Answer>,
  options: {
    readonly maxAgeMs: number | ((answer: Answer) => number);
    readonly clock: SteadyClock;
  },
): Memoized<Answer, Context> {
  const { maxAgeMs, clock } = options;
  const ownMaxAgeMs = typeof maxAgeMs === "function" ? maxAgeMs : undefined;
  const ttl = typeof maxAgeMs === "function" ? maxPendingMs : maxAgeMs;
  if (!Number.isSafeInteger(ttl) || ttl <= 0) {
    throw new RangeError(`maxAgeMs is ${ttl}; it must be a positive integer`);
  }
  type Entry = { readonly answer: Promise<Answer>; value: Answer | undefined };
  // It makes room for all answers at once, 0.4 MiB, and many servers never ask some of the questions.
  const createEntries = () =>
    new LRUCache<string, Entry>({ max: maxAnswers, ttl, ttlResolution: 0, perf: clock });
  let made: ReturnType<typeof createEntries> | undefined;

  const lookUp = (key: string, context: Context): Promise<Answer> => {
    made ??= createEntries();
    const entries = made;
    const known = entries.get(key);
    if (known !== undefined) return known.answer;
    const start = clock.now();
    const entry: Entry = { answer: ask(key, context), value: undefined };
    entries.set(key, entry);
    const settle = (value: Answer | undefined) => {
      if (entries.peek(key) !== entry) return;
      const ageMs = value === undefined ? 0 : (ownMaxAgeMs?.(value) ?? ttl);
      entry.value = value;
      if (ageMs <= 0) entries.delete(key);
      else if (ageMs !== ttl) entries.set(key, entry, { ttl: ageMs, start });
    };
    entry.answer.then(settle, () => settle(undefined));
    return entry.answer;
  };
  return Object.assign(lookUp, { remembered: (key: string) => made?.get(key)?.value });
}
