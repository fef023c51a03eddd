import { randomUUID } from "node:crypto";

/**
 * Make ids for requests: UUIDs whose last twelve digits count the requests of one listener. The digits
 * before are random, so no other listener makes the same; a random id for each would cost ten times
 * as much.
 */
export function createRequestIds(): () => string {
  const prefix = randomUUID().slice(0, -12);
  let count = 0;
  return () => {
    count += 1;
    return prefix + count.toString(16).padStart(12, "0");
  };
}
