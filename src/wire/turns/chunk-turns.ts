import { ClientQueues } from "./client-queues.ts";

/** Time that chunks may take of one turn of the event loop, in milliseconds. */
const turnMs = 5;

/** Shares the time for chunks among the connections that have some. */
export type ChunkTurns = {
  /** Whether there is time for a kilobyte more in this turn. Never while others wait, except for one whose turn it is. */
  hasTime(): boolean;
  /**
   * Wait for a turn.
   *
   * @param client Whose connection it is: see `addressGroup`.
   * @param goOn A function of its own for each connection. It goes on as long as there is time, and may wait again.
   * @returns Gives up the turn.
   */
  wait(client: string, goOn: () => void): () => void;
};

/**
 * A chunk takes half a microsecond, however small it is, and Node hands over all connections that have something to be read in
 * one turn of the event loop: sixty thousand bytes on each of some hundred connections are a second. So chunks have some
 * milliseconds of each turn, and clients take turns.
 *
 * @param isHeld Asked in each turn in which something waits: whether nothing may go on in this one.
 */
export function createChunkTurns(
  isHeld: () => boolean,
  clock: { now(): number } = performance,
): ChunkTurns {
  /** There is one of each connection at most. */
  const waiting = new ClientQueues<() => void>();
  let isDue = false;
  let isGoingOn = false;
  /** In this turn. */
  let until = 0;

  function beginTurn(): void {
    if (isDue) return;
    isDue = true;
    until = clock.now() + turnMs;
    setImmediate(endTurn);
  }

  function endTurn(): void {
    isDue = false;
    if (waiting.isEmpty) return;
    beginTurn();
    isGoingOn = true;
    while (!waiting.isEmpty && hasTime()) waiting.next()?.();
    isGoingOn = false;
  }

  function hasTime(): boolean {
    beginTurn();
    return (isGoingOn || waiting.isEmpty) && !isHeld() && clock.now() < until;
  }

  return {
    hasTime,
    wait(client, goOn) {
      waiting.add(client, goOn);
      beginTurn();
      return () => void waiting.delete(client, goOn);
    },
  };
}
