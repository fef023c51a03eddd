import { TurnEnd } from "./turn-end.ts";

/** Time in which new connections are taken and nothing else is begun, in milliseconds. Then what waits has one turn. */
const takingMs = 5;

/** Puts off what can wait while new connections are there. */
export type Taking = {
  /** A new connection was taken. */
  took(): void;
  /** Whether nothing is begun in this turn of the event loop. What a turn brings before its connection is held, too. */
  isTaking(): boolean;
};

/**
 * Node takes one new connection in each turn of the event loop, in the order in which they came. So whoever comes behind
 * hundreds of others would wait for hundreds of turns, and each is long while much is to be done. Therefore connections
 * are taken first, in turns in which little else is done.
 */
export function createTaking(clock: { now(): number } = performance): Taking {
  let hasTaken = false;
  let isTaking = false;
  let isFirst = true;
  let since = 0;
  const turnEnd = new TurnEnd(() => {
    if (hasTaken) turnEnd.soon();
    else isTaking = false;
    hasTaken = false;
  });

  return {
    took() {
      if (hasTaken) return;
      hasTaken = true;
      const now = clock.now();
      if (isFirst) since = now;
      isTaking = now - since < takingMs;
      isFirst = !isTaking;
      turnEnd.soon();
    },
    isTaking: () => isTaking,
  };
}
