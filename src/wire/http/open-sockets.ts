import type { Socket } from "node:net";
import type { TakeOpeningTurn } from "../turns/opening-turns.ts";
import type { Taking } from "../turns/taking.ts";
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
 * @param options.takePlace Whether there may be one more connection.
 * @param options.serve Called in its turn, once the first bytes of a connection have told what it speaks.
 */
export function createOpenSockets({
  takePlace,
  serve,
  takeTurn,
  taking,
}: {
  readonly takePlace: (socket: Socket) => boolean;
  readonly serve: (socket: Socket, protocol: Opening) => void;
  readonly takeTurn: TakeOpeningTurn;
  readonly taking: Taking;
}): OpenSockets {
  const sockets = new Set<Socket>();
  /** They have not sent enough, or wait for their turn. */
  const opening = new Set<Socket>();

  return {
    accept(socket) {
      taking.took();
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
        leave = takeTurn(socket, () => {
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
