import type { SteadyClock } from "../memoize.ts";
import { isUnusableAnswer, unavailable } from "./ask-provider.ts";

/** One lost packet is no outage. */
const failuresInARow = 5;
const pauseMs = 1_000;
/** Enough for thousands of answers a second. */
const maxAttempts = 256;

/**
 * Spare a provider that fails, and those who wait for it: after 5 failures in a row one attempt a second
 * is made, until one succeeds. Never more than 256 at once.
 *
 * Any answer is a success, even one that is of no use: it may be about one odd token, and whoever
 * brings odd tokens must not keep others from the provider.
 *
 * @returns Makes an attempt, or throws ServiceError `identityProviderUnavailable` without one.
 */
export function createBreaker(
  clock: SteadyClock,
): <Result>(attempt: () => Promise<Result>) => Promise<Result> {
  let failures = 0;
  let attempts = 0;
  let nextAt = 0;

  return async (attempt) => {
    if (attempts >= maxAttempts) throw unavailable(`${maxAttempts} attempts are under way`);
    if (failures >= failuresInARow) {
      if (clock.now() < nextAt) throw unavailable(`the last ${failures} attempts failed`);
      nextAt = clock.now() + pauseMs;
    }
    attempts += 1;
    try {
      const result = await attempt();
      failures = 0;
      return result;
    } catch (error) {
      if (isUnusableAnswer(error)) {
        failures = 0;
        throw error;
      }
      failures += 1;
      if (failures === failuresInARow) nextAt = clock.now() + pauseMs;
      throw error;
    } finally {
      attempts -= 1;
    }
  };
}
