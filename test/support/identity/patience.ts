import { vi } from "vitest";

/** How long the server waits for providers. */
export type Patience = {
  /** Wait only as long as users do, while something is done. */
  limited<Result>(work: () => Promise<Result>): Promise<Result>;
};

/**
 * From now on, wait for providers as long as they take: on a busy machine they would sometimes be too late. For all
 * tests of a file.
 */
export function waitForProviders(): Patience {
  const { timeout } = AbortSignal;
  const endless = () => new AbortController().signal;
  const spy = vi.spyOn(AbortSignal, "timeout").mockImplementation(endless);
  return {
    async limited(work) {
      spy.mockImplementation((ms) => timeout.call(AbortSignal, ms));
      try {
        return await work();
      } finally {
        spy.mockImplementation(endless);
      }
    },
  };
}
