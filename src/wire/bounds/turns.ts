import type { Socket } from "node:net";
import { type ClientLimits, clientLimits, maxPipelined } from "../limits.ts";
import { createShares, type Share } from "./shares.ts";

/**
 * Begins to serve a request when it is its turn.
 *
 * @param serve The next request begins once `done` is called, which should be when the answer was
 *   taken: so no more than one answer waits to be sent on a connection.
 * @param client Who asks: see `addressGroup`. Default: all are one.
 * @returns Whether so many wait now that no more should be read, until there is room.
 */
export type TakeTurn = (socket: Socket, serve: Serve, client?: string) => boolean;

type Serve = (done: () => void) => void;

/** The requests of one connection. */
type Line = {
  isBusy: boolean;
  isFull: boolean;
  readonly waiting: { readonly serve: Serve; readonly place: Share }[];
  readonly done: () => void;
};

/**
 * Let the requests of one HTTP/1.1 connection wait for one another.
 *
 * A client may send requests ahead. They take effect in the order in which they were sent, one at a
 * time, and each begins in a turn of the event loop of its own: thousands in one packet must not stop
 * everybody else. Even the first begins only after Node has looked at what came in the same packet
 * behind its head: a body that is there already, or an error that has ended the connection.
 *
 * How many wait is bounded for each connection by whoever reads from it, once it is told that it is
 * full; for each client and in all, a connection that has no place for one more is closed.
 *
 * @param onRoom Told when a connection that was full is so no longer.
 */
export function createTurns(
  {
    maxWaitingRequests,
    maxWaitingRequestsEach,
  }: Pick<ClientLimits, "maxWaitingRequests" | "maxWaitingRequestsEach"> = clientLimits,
  onRoom: (socket: Socket) => void = () => {},
): TakeTurn {
  const lines = new WeakMap<Socket, Line>();
  const places = createShares(maxWaitingRequests, maxWaitingRequestsEach);

  function lineOf(socket: Socket): Line {
    const known = lines.get(socket);
    if (known !== undefined) return known;
    const line: Line = {
      isBusy: false,
      isFull: false,
      waiting: [],
      done() {
        const next = line.waiting.shift();
        if (next === undefined) {
          line.isBusy = false;
        } else {
          next.place.end();
          setImmediate(next.serve, line.done);
        }
        if (line.isFull && line.waiting.length <= maxPipelined / 2) {
          line.isFull = false;
          onRoom(socket);
        }
      },
    };
    lines.set(socket, line);
    socket.once("close", () => {
      for (const { place } of line.waiting) place.end();
      line.waiting.length = 0;
    });
    return line;
  }

  function wait(socket: Socket, line: Line, client: string, serve: Serve): void {
    const place = places.take(client, 1, () => socket.destroy());
    if (place === undefined) {
      socket.destroy();
      return;
    }
    line.waiting.push({ serve, place });
    if (line.waiting.length >= maxPipelined) line.isFull = true;
  }

  return (socket, serve, client = "") => {
    if (socket.destroyed) return true;
    const line = lineOf(socket);
    if (line.isBusy) {
      wait(socket, line, client, serve);
    } else {
      line.isBusy = true;
      setImmediate(serve, line.done);
    }
    return line.isFull;
  };
}
