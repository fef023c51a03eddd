import type { Socket } from "node:net";
import { createHeavyTurns } from "../bounds/heavy-turns.ts";
import type { Shares } from "../bounds/shares.ts";
import { Unhandled } from "../bounds/unhandled.ts";
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
 * @param options.takePlace Whether there may be one more connection.
 * @param options.serve Called in its turn, once the first bytes of a connection have told what it speaks.
 * @param options.groupOf As `addressGroup`.
 * @param options.unhandled Bytes that were read from connections that wait for their turn.
 */
export function createOpenSockets(options: {
  readonly takePlace: (socket: Socket) => boolean;
  readonly serve: (socket: Socket, protocol: Opening) => void;
  readonly groupOf: (address: string) => string;
  readonly unhandled: Shares;
}): OpenSockets {
  const { takePlace, serve, groupOf, unhandled } = options;
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

  /**
   * Its first bytes are there.
   *
   * @returns To be called when it is closed.
   */
  function wait(socket: Socket, protocol: Opening): () => void {
    let isServed = false;
    let endCount = () => {};
    const leave = turns(socket.remoteAddress ?? "", () => {
      isServed = true;
      endCount();
      opening.delete(socket);
      serve(socket, protocol);
    });
    if (isServed) return leave;
    endCount = countUnhandled(socket);
    return () => {
      leave();
      endCount();
    };
  }

  /** Count what is read from a connection although it is paused, until that is ended. */
  function countUnhandled(socket: Socket): () => void {
    const client = groupOf(socket.remoteAddress ?? "");
    const count = new Unhandled(unhandled, client, () => socket.destroy());
    const look = () => count.set(socket.readableLength);
    socket.on("readable", look);
    look();
    return () => {
      socket.off("readable", look);
      count.end();
    };
  }

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
        if (protocol !== undefined) leave = wait(socket, protocol);
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
