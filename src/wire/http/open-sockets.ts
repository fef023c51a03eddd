import type { Socket } from "node:net";
import { createHeavyTurns } from "../bounds/heavy-turns.ts";
import { ignoreErrors } from "./ignore-errors.ts";
import { type Opening, sniff } from "./sniff.ts";

/** The connections of a server, from the first byte on, whatever they speak. */
export interface OpenSockets {
  /** Take a new connection, or destroy it at once. */
  accept(socket: Socket): void;
  /** Open ones, also those that have sent nothing yet. */
  count(): number;
  /** Destroy those that have not sent enough yet to tell what they speak. */
  destroyOpening(): void;
  destroyAll(): void;
}

/** Turns in a row that may take a new connection and serve none. */
const turnsAhead = 64;

/**
 * Node takes one new connection in each turn of the event loop, in the order in which they came, and the first bytes of
 * one may hold a hundred requests. So connections are taken first, and then served one in each turn, clients by turns:
 * whoever comes behind hundreds of another client waits for one of them only.
 *
 * @param takePlace Whether there may be one more connection.
 * @param serve Called in its turn, once the first bytes of a connection have told what it speaks.
 * @param groupOf As `addressGroup`.
 */
export function createOpenSockets(
  takePlace: (socket: Socket) => boolean,
  serve: (socket: Socket, protocol: Opening) => void,
  groupOf: (address: string) => string,
): OpenSockets {
  const sockets = new Set<Socket>();
  /** They have not sent enough, or wait for their turn. */
  const opening = new Set<Socket>();
  let isNew = false;
  let ahead = 0;
  const turns = createHeavyTurns(groupOf, () => {
    ahead = isNew && ahead < turnsAhead ? ahead + 1 : 0;
    isNew = false;
    return ahead > 0;
  });

  return {
    accept(socket) {
      isNew = true;
      if (!takePlace(socket)) {
        socket.destroy();
        return;
      }
      ignoreErrors(socket);
      sockets.add(socket);
      opening.add(socket);
      let leave: (() => void) | undefined;
      socket.once("close", () => {
        sockets.delete(socket);
        opening.delete(socket);
        leave?.();
      });
      sniff(socket, (protocol) => {
        if (protocol === undefined) return;
        leave = turns(socket.remoteAddress ?? "", () => {
          opening.delete(socket);
          serve(socket, protocol);
        });
      });
    },
    count: () => sockets.size,
    destroyOpening() {
      for (const socket of opening) socket.destroy();
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
