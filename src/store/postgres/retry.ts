import { setTimeout as pause } from "node:timers/promises";

/** Attempts after the first. */
export const maxRetries = 5;

const pauseMs = { least: 5, most: 50 };

/** Wait a random time, so that two servers that collided do not collide again. */
export function pauseBeforeRetry(): Promise<void> {
  const { least, most } = pauseMs;
  return pause(least + Math.random() * (most - least));
}
