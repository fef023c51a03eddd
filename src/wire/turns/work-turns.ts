import { ClientQueues } from "./client-queues.ts";
import { TurnEnd } from "./turn-end.ts";

/**
 * Begins work at the end of this turn of the event loop, or of a later one.
 *
 * @param client Whose work it is: see `addressGroup`.
 * @returns Gives up the turn. Without effect once the work has begun.
 */
export type WorkTurns = (client: string, begin: () => void) => () => void;

/**
 * Begin what waits little by little, and serve everybody else in between. Clients take turns: whoever has one piece of work
 * waits for one of each other client, however many those have.
 *
 * @param isHeld Asked in each turn in which something waits: whether nothing may begin in this one. Default: never.
 * @param turnMs Time within which more than one piece may begin in a turn, in milliseconds. Default: 0, so one in each turn.
 */
export function createWorkTurns(
  isHeld: () => boolean = () => false,
  turnMs = 0,
  clock: { now(): number } = performance,
): WorkTurns {
  /** What has come since the latest turn ended. So what one piece leads to begins in the next turn at the earliest. */
  let arrived: Piece[] = [];
  const waiting = new ClientQueues<Piece>();
  const turnEnd = new TurnEnd(() => {
    for (const piece of arrived) if (!piece.hasLeft) waiting.add(piece.client, piece);
    arrived = [];
    if (waiting.isEmpty) return;
    if (!isHeld()) {
      const until = clock.now() + turnMs;
      do waiting.next()?.begin();
      while (!waiting.isEmpty && clock.now() < until);
    }
    if (!waiting.isEmpty) turnEnd.soon();
  });

  return (client, begin) => {
    const piece = { client, begin, hasLeft: false };
    arrived.push(piece);
    turnEnd.soon();
    return () => {
      piece.hasLeft = true;
      waiting.delete(client, piece);
    };
  };
}

type Piece = { readonly client: string; readonly begin: () => void; hasLeft: boolean };
