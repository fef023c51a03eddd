import { ClientQueues } from "./client-queues.ts";
import { TurnEnd } from "./turn-end.ts";

/** Time that input may take before everything else has a turn of the event loop, in milliseconds. */
const turnMs = 5;

/** Shares time among the connections that have input. */
export type InputTurns = {
  /** Whether there is time for some kilobytes now. While connections wait, only the one whose turn it is has time. */
  hasTime(): boolean;
  /**
   * Wait for a turn.
   *
   * @param client Whose connection it is: see `addressGroup`.
   * @param goOn A function of its own for each connection. Called in its turn. It takes input as long as there is time, and
   *   may wait again.
   * @returns Gives up the turn.
   */
  wait(client: string, goOn: () => void): () => void;
};

/**
 * Some input takes long for its size: a chunk of HTTP/1.1 half a microsecond, however small it is, and new keys of TLS six.
 * In one turn of the event loop, Node reads from all connections on which something has come. With a few hundred of them, one
 * turn could take seconds. So such input has a few milliseconds of each turn, and clients take turns.
 *
 * @param isHeld Asked in each turn in which something waits: whether nothing may go on in this one.
 */
export function createInputTurns(
  isHeld: () => boolean,
  clock: { now(): number } = performance,
): InputTurns {
  /** One function of each connection at most. */
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
    // The time is over, and the turn in which it began is, too. While turns are short, several share one time: to ask for
    // the end of each would cost each call a microsecond.
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
