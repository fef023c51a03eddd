import type { EventEmitter } from "node:events";

/**
 * Ignore the errors of one connection or request: they concern nobody else, and its `close` event does the
 * rest. Without a listener they would end the process.
 */
export function ignoreErrors(emitter: EventEmitter): void {
  emitter.on("error", ignore);
}

// One function for all, because a new one for each request would cost memory.
function ignore(): void {}
