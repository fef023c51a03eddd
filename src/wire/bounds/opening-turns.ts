import type { Socket } from "node:net";
import { createHeavyTurns } from "./heavy-turns.ts";
import type { Shares } from "./shares.ts";
import { Unhandled } from "./unhandled.ts";

/** The order in which new connections are served. */
export type OpeningTurns = {
  /** A connection has come. */
  came(): void;
  /**
   * @param begin Called in the turn of a connection whose first bytes are there.
   * @returns To be called when it is closed.
   */
  wait(socket: Socket, begin: () => void): () => void;
};

/** Turns in a row that may take a new connection and serve none. */
const turnsAhead = 64;

/**
 * Node takes one new connection in each turn of the event loop, in the order in which they came, and the first bytes of
 * one may hold a hundred requests. So connections are taken first, and then served one in each turn, clients by turns:
 * whoever comes behind hundreds of another client waits for one of them only.
 *
 * @param groupOf As `addressGroup`.
 * @param unhandled Bytes that were read from connections that wait.
 */
export function createOpeningTurns(
  groupOf: (address: string) => string,
  unhandled: Shares,
): OpeningTurns {
  let isNew = false;
  let ahead = 0;
  const turns = createHeavyTurns(groupOf, () => {
    ahead = isNew && ahead < turnsAhead ? ahead + 1 : 0;
    isNew = false;
    return ahead > 0;
  });

  /** Count what is read from a connection although it is paused, until that is ended. */
  function count(socket: Socket, peer: string): () => void {
    const counted = new Unhandled(unhandled, groupOf(peer), () => socket.destroy());
    const look = () => counted.set(socket.readableLength);
    socket.on("readable", look);
    look();
    return () => {
      socket.off("readable", look);
      counted.end();
    };
  }

  return {
    came() {
      isNew = true;
    },
    wait(socket, begin) {
      const peer = socket.remoteAddress ?? "";
      let isBegun = false;
      let endCount = () => {};
      const leave = turns(peer, () => {
        isBegun = true;
        endCount();
        begin();
      });
      if (isBegun) return leave;
      endCount = count(socket, peer);
      return () => {
        leave();
        endCount();
      };
    },
  };
}
