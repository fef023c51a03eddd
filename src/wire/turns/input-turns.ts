import { ClientQueues } from "./client-queues.ts";
import { TurnEnd } from "./turn-end.ts";

/** Time that input may take before everybody else has a turn of the event loop, in milliseconds. */
const turnMs = 5;

/** Shares the time for input among the connections that have some. */
export type InputTurns = {
  /** Whether there is time for some kilobytes now. Never while others wait, except for one whose turn it is. */
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
 * Some input takes long for its size: a chunk of HTTP/1.1 half a microsecond, however small it is, and new keys of TLS six.
 * Node hands over all connections that have something to be read in one turn of the event loop, so what has come on some hundred
 * can take seconds. So such input has some milliseconds of each turn, and clients take turns.
 *
 * @param isHeld Asked in each turn in which something waits: whether nothing may go on in this one.
 */
export function createInputTurns(
  isHeld: () => boolean,
  clock: { now(): number } = performance,
): InputTurns {
  /** There is one of each connection at most. */
  const waiting = new ClientQueues<() => void>();
  let isGoingOn = false;
  let until = 0;
  const turnEnd = new TurnEnd(() => {
    if (waiting.isEmpty) return;
    until = clock.now() + turnMs;
    isGoingOn = true;
    while (!waiting.isEmpty && hasTime()) waiting.next()?.();
    isGoingOn = false;
    if (!waiting.isEmpty) turnEnd.soon();
  });

  function hasTime(): boolean {
    const now = clock.now();
    // A turn has ended since the time began. To be told of the end of each turn would cost each call a microsecond.
    if (now >= until && !turnEnd.isDue && !isGoingOn) {
      until = now + turnMs;
      turnEnd.soon();
    }
    return now < until && (isGoingOn || waiting.isEmpty) && !isHeld();
  }

  return {
    hasTime,
    wait(client, goOn) {
      waiting.add(client, goOn);
      turnEnd.soon();
      return () => void waiting.delete(client, goOn);
    },
  };
}
