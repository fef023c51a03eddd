import type { Socket } from "node:net";
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

/**
 * @param takePlace Whether there may be one more connection.
 * @param serve Called once the first bytes of a connection have told what it speaks.
 */
export function createOpenSockets(
  takePlace: (socket: Socket) => boolean,
  serve: (socket: Socket, protocol: Opening) => void,
): OpenSockets {
  const sockets = new Set<Socket>();
  const opening = new Set<Socket>();
  return {
    accept(socket) {
      if (!takePlace(socket)) {
        socket.destroy();
        return;
      }
      ignoreErrors(socket);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      opening.add(socket);
      sniff(socket, (protocol) => {
        opening.delete(socket);
        if (protocol !== undefined) serve(socket, protocol);
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
