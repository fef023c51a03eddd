import type { SteadyClock } from "../memoize.ts";

/** So many retrievals at once: a few odd tokens must not delay a key that is published just after them. */
const atOnce = 4;
/** Then one in so many milliseconds: tokens with invented key ids must not make us ask much more often. */
const everyMs = 5_000;

/**
 * Decides how often keys are retrieved while that succeeds: 4 times at once, and then every 5 seconds. So a new
 * key is found within 5 seconds, whatever others send.
 *
 * @returns Takes one retrieval; `false` if it is too early.
 */
export function createSearchPace(clock: SteadyClock): () => boolean {
  let left = atOnce;
  let countedAt = clock.now();
  return () => {
    const at = clock.now();
    left = Math.min(atOnce, left + (at - countedAt) / everyMs);
    countedAt = at;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
