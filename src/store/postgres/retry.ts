import { setTimeout as pause } from "node:timers/promises";

/** Attempts after the first. */
export const maxRetries = 5;

const pauseMs = { least: 5, most: 50 };

/** Drawn anew each time: two nodes that met should not meet again. */
export function pauseBeforeRetry(): Promise<void> {
  const { least, most } = pauseMs;
  return pause(least + Math.random() * (most - least));
}
