import { setTimeout as pause } from "node:timers/promises";

/** Of a transaction that lost to others. */
export const maxRetries = 5;

/** 5 to 50 ms, so that those who met once do not meet again. */
export function pauseBeforeRetry(): Promise<void> {
  return pause(5 + 45 * Math.random());
}
