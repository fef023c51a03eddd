import type { Answer } from "../wire/index.ts";

/**
 * What a POST does on a server for tests.
 *
 * @param reset Puts everything back to how the server began.
 */
export function createTestActions(reset: () => void): ReadonlyMap<string, () => Answer> {
  const run = (): Answer => {
    reset();
    return { status: 204, headers: {} };
  };
  return new Map([["/debug/reset", run]]);
}
