import { TurnEnd } from "./turn-end.ts";

/** Time for taking new connections alone, in milliseconds. Then what waits has one turn. */
const takingMs = 5;

/** Whether new connections come before everything that can wait. */
export type Taking = {
  /** A new connection was taken. */
  took(): void;
  /**
   * Whether nothing else may begin in this turn of the event loop. Still so in the turn after a new connection, because that
   * may bring other things before the next connection.
   */
  isTaking(): boolean;
};

/**
 * Node takes one new connection in each turn of the event loop, in the order in which they came. So whoever comes behind
 * hundreds of others waits for hundreds of turns, and each is long while there is much to do. Therefore connections are
 * taken first, in turns in which little else is done.
 */
export function createTaking(clock: { now(): number } = performance): Taking {
  /** In this turn. */
  let hasTaken = false;
  let isTaking = false;
  /** The time begins with the next connection. */
  let isFirst = true;
  /** When it began. */
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
