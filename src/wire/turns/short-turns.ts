import { AsyncResource } from "node:async_hooks";
import { ClientQueues } from "./client-queues.ts";
import { TurnEnd } from "./turn-end.ts";

/** Time that requests which were sent ahead may take of one turn of the event loop, in milliseconds. */
const turnMs = 5;

/**
 * Begins a request in the next turn of the event loop, or in a later one if those before it take long.
 *
 * @param client Whose request it is: see `addressGroup`.
 */
export type ShortTurns = (client: string, begin: () => void) => void;

/**
 * Keep the turns of the event loop short, however many connections send ahead: Node takes one new connection in each.
 * Clients take turns, request by request, so whoever sends one waits for one of each other client.
 *
 * @param isHeld Asked in each turn in which something waits: whether nothing may begin in this one. Default: never.
 */
export function createShortTurns(
  isHeld: () => boolean = () => false,
  clock: { now(): number } = performance,
): ShortTurns {
  /** In this turn: they begin in the next one, so that no connection has two in a turn. */
  let arrived: { readonly client: string; readonly begin: () => void }[] = [];
  /** There is one of each connection at most. */
  const waiting = new ClientQueues<() => void>();
  const turnEnd = new TurnEnd(() => {
    if (isHeld()) {
      turnEnd.soon();
      return;
    }
    const until = clock.now() + turnMs;
    for (const { client, begin } of arrived) waiting.add(client, begin);
    arrived = [];
    do waiting.next()?.();
    while (!waiting.isEmpty && clock.now() < until);
    if (!waiting.isEmpty) turnEnd.soon();
  });

  return (client, begin) => {
    // A tracer of HTTP may have made this the context of the request, as `setImmediate` would keep it.
    arrived.push({ client, begin: AsyncResource.bind(begin) });
    turnEnd.soon();
  };
}
