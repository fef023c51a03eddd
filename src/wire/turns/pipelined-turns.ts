import { AsyncResource } from "node:async_hooks";
import type { Socket } from "node:net";
import { createShares, type Share } from "../bounds/shares.ts";
import { type ClientLimits, clientLimits, maxPipelined } from "../limits.ts";
import { createWorkTurns } from "./work-turns.ts";

/** Time in each turn of the event loop for requests that were sent ahead, in milliseconds. */
const turnMs = 5;

/**
 * Begins to serve a request in its turn.
 *
 * @param serve Must call `done` when the answer is sent. Only then the next request of the connection begins, so no more than
 *   one answer waits to be sent.
 * @param client Whose request it is: see `addressGroup`. Default: all requests count for one client.
 * @returns Whether no more should be read from the connection until there is room, because so many requests wait.
 */
export type TakePipelinedTurn = (socket: Socket, serve: Serve, client?: string) => boolean;

type Serve = (done: () => void) => void;

/** The requests of one connection that were sent ahead. */
type PipeliningQueue = {
  isBusy: boolean;
  isFull: boolean;
  readonly waiting: { readonly serve: Serve; readonly client: string; readonly place: Share }[];
  readonly done: () => void;
};

/**
 * A pipelining queue for each HTTP/1.1 connection.
 *
 * A client may send requests ahead. They are served one at a time, in the order in which they were sent, and no two of a
 * connection begin in one turn of the event loop, so that thousands in one packet do not hold up other clients. Even the first
 * begins only after Node has parsed the rest of its packet: that may be the body, or an error that ends the connection.
 *
 * When a queue is full, the reader of the connection must stop. When a client has too many requests waiting on all its
 * connections, the connection with one more is closed.
 *
 * @param onRoom Called when the queue of a connection that was full has room again.
 * @param isHeld As `createWorkTurns` takes it.
 */
export function createPipelinedTurns(
  {
    maxWaitingRequests,
    maxWaitingRequestsEach,
  }: Pick<ClientLimits, "maxWaitingRequests" | "maxWaitingRequestsEach"> = clientLimits,
  onRoom: (socket: Socket) => void = () => {},
  isHeld?: () => boolean,
): TakePipelinedTurn {
  const queues = new WeakMap<Socket, PipeliningQueue>();
  const places = createShares(maxWaitingRequests, maxWaitingRequestsEach);
  const beginSoon = createWorkTurns(isHeld, turnMs);

  function queueOf(socket: Socket): PipeliningQueue {
    const known = queues.get(socket);
    if (known !== undefined) return known;
    const queue: PipeliningQueue = {
      isBusy: false,
      isFull: false,
      waiting: [],
      done() {
        const next = queue.waiting.shift();
        if (next === undefined) {
          queue.isBusy = false;
        } else {
          next.place.end();
          beginSoon(next.client, () => next.serve(queue.done));
        }
        if (queue.isFull && queue.waiting.length <= maxPipelined / 2) {
          queue.isFull = false;
          onRoom(socket);
        }
      },
    };
    queues.set(socket, queue);
    socket.once("close", () => {
      for (const { place } of queue.waiting) place.end();
      queue.waiting.length = 0;
    });
    return queue;
  }

  function wait(socket: Socket, queue: PipeliningQueue, client: string, serve: Serve): void {
    const place = places.take(client, 1, () => socket.destroy());
    if (place === undefined) {
      socket.destroy();
      return;
    }
    // A tracer of HTTP may have given the request a context. Without this it would have that of the request before.
    queue.waiting.push({ serve: AsyncResource.bind(serve), client, place });
    if (queue.waiting.length >= maxPipelined) queue.isFull = true;
  }

  return (socket, serve, client = "") => {
    if (socket.destroyed) return true;
    const queue = queueOf(socket);
    if (queue.isBusy) {
      wait(socket, queue, client, serve);
    } else {
      queue.isBusy = true;
      // At the end of this very turn, before Node is told that the client has closed its half: Node takes that for gone.
      setImmediate(serve, queue.done);
    }
    return queue.isFull;
  };
}
