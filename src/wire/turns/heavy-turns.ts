import { ClientQueues } from "./client-queues.ts";
import { TurnEnd } from "./turn-end.ts";

/**
 * Begins work that holds up the event loop for milliseconds.
 *
 * @param peer The address of the client whose work it is.
 * @param begin A function of its own for each piece.
 * @returns Gives up the turn. Without effect once the work has begun.
 */
export type HeavyTurns = (peer: string, begin: () => void) => () => void;

/**
 * Begin one piece of such work at the end of each turn of the event loop, and serve everybody else in between. Clients take
 * turns, so whoever sends one piece waits for one piece of each other client, whatever those have waiting.
 *
 * @param groupOf As `addressGroup`.
 * @param isHeld Asked in each turn in which something waits: whether nothing may begin in this one. Default: never.
 */
export function createHeavyTurns(
  groupOf: (address: string) => string,
  isHeld: () => boolean = () => false,
): HeavyTurns {
  /** A call that has ended leaves, so that clients that come and go cannot make it longer than the requests under way. */
  const waiting = new ClientQueues<() => void>();
  const turnEnd = new TurnEnd(() => {
    if (!waiting.isEmpty && !isHeld()) waiting.next()?.();
    if (!waiting.isEmpty) turnEnd.soon();
  });

  return (peer, begin) => {
    const client = groupOf(peer);
    waiting.add(client, begin);
    turnEnd.soon();
    return () => void waiting.delete(client, begin);
  };
}
