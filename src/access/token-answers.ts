import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { SteadyClock } from "./reused-answers.ts";

/** Some megabytes; far more tokens than are busy at once. */
const maxAnswers = 10_000;
/** No question takes as long as this. */
const pendingMs = 60_000;

/**
 * Ask about a token once, answer many times. Overlapping questions about one token share an answer; a
 * failure is never reused. Tokens are kept as their SHA-256 only.
 *
 * @param ask In the context of whoever asked first. Its answer says for how long it may be reused, in whole milliseconds since the question
 *   was asked. 0: not at all.
 * @param clock Not the wall clock: when that is set back, an answer would outlive its time.
 */
export function createTokenAnswers<Answer extends { readonly reuseMs: number }, Context = void>(
  ask: (token: string, context: Context) => Promise<Answer>,
  clock: SteadyClock,
): (token: string, context: Context) => Promise<Answer> {
  const answers = new LRUCache<string, Promise<Answer>>({
    max: maxAnswers,
    ttl: pendingMs,
    ttlResolution: 0,
    perf: clock,
  });

  return (token, context) => {
    const key = hash("sha256", token, "base64");
    const known = answers.get(key);
    if (known !== undefined) return known;
    const start = clock.now();
    const answer = ask(token, context);
    answers.set(key, answer);
    const settle = (reuseMs: number) => {
      if (answers.peek(key) !== answer) return;
      if (reuseMs > 0) answers.set(key, answer, { ttl: reuseMs, start });
      else answers.delete(key);
    };
    answer.then(
      ({ reuseMs }) => settle(reuseMs),
      () => settle(0),
    );
    return answer;
  };
}
