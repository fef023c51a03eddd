import type { SteadyClock } from "../memoize.ts";
import { isUnusableAnswer, unavailable } from "./ask-provider.ts";

/** More than one, because a lost packet is no outage. */
const failuresInARow = 5;
const pauseMs = 1_000;
/** Enough for thousands of answers a second. */
const maxAttempts = 256;

/**
 * A circuit breaker for a provider: after 5 failures in a row, allow one attempt a second until one
 * succeeds, and refuse the others at once. Never allow more than 256 at a time.
 *
 * An unusable answer counts as a success. It may be caused by one odd token, and whoever sends odd
 * tokens must not stop others from using the provider.
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
    if (attempts >= maxAttempts) throw unavailable(`${maxAttempts} attempts are in flight`);
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
