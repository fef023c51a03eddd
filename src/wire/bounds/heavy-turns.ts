import type { Buffer } from "node:buffer";
import type { RequestHead } from "../http/exchange.ts";
import { heavyBodyBytes } from "../limits.ts";

/**
 * Begins work that holds up the event loop for milliseconds.
 *
 * @param peer The address of the client whose work it is.
 */
export type HeavyTurns = (peer: string, begin: () => void) => void;

/**
 * Begin one piece of such work in each turn of the event loop, and serve everybody else in between. Clients take turns, so
 * whoever sends one piece waits for one piece of each other client, whatever those have waiting.
 *
 * @param groupOf As `addressGroup`.
 */
export function createHeavyTurns(groupOf: (address: string) => string): HeavyTurns {
  /**
   * By client, in the order of their turns; none is empty. A call keeps its place while it waits, also if its client has left,
   * so there are never more than requests under way.
   */
  const queues = new Map<string, (() => void)[]>();
  let isTaken = false;

  function run(begin: () => void): void {
    isTaken = true;
    setImmediate(endTurn);
    begin();
  }

  function endTurn(): void {
    isTaken = false;
    const [first] = queues;
    if (first === undefined) return;
    const [client, queue] = first;
    const begin = queue.shift();
    // A client that is set again moves to the end.
    queues.delete(client);
    if (queue.length > 0) queues.set(client, queue);
    if (begin !== undefined) run(begin);
  }

  return (peer, begin) => {
    if (!isTaken) {
      run(begin);
      return;
    }
    const client = groupOf(peer);
    const queue = queues.get(client);
    if (queue === undefined) queues.set(client, [begin]);
    else queue.push(begin);
  };
}

/** Whether it may take milliseconds to read a body: it is large or compressed. */
export function isHeavyBody({ headers }: RequestHead, body: Buffer): boolean {
  if (body.byteLength > heavyBodyBytes) return true;
  return (headers["grpc-encoding"] ?? headers["content-encoding"]) !== undefined;
}
