import type { Socket } from "node:net";
import type { Shares } from "../bounds/shares.ts";
import { countUnread } from "../bounds/unhandled.ts";
import { createWorkTurns } from "./work-turns.ts";

/**
 * Begins to serve a connection in its turn.
 *
 * @param socket Its first bytes are there.
 * @returns To be called when it is closed.
 */
export type TakeOpeningTurn = (socket: Socket, begin: () => void) => () => void;

/**
 * The first bytes of a connection may hold a hundred requests. So a connection that was taken waits, and one is served in each
 * turn of the event loop. Clients take turns: whoever comes behind hundreds of another client waits for one of them only.
 *
 * @param site.groupOf As `addressGroup`.
 * @param site.unhandled Room for bytes that were read from connections that wait.
 * @param site.isTaking As `Taking`.
 */
export function createOpeningTurns({
  groupOf,
  unhandled,
  isTaking,
}: {
  readonly groupOf: (address: string) => string;
  readonly unhandled: Shares;
  readonly isTaking: () => boolean;
}): TakeOpeningTurn {
  const takeTurn = createWorkTurns(isTaking);

  return (socket, begin) => {
    const client = groupOf(socket.remoteAddress ?? "");
    const endCount = countUnread(socket, unhandled, client);
    const leave = takeTurn(client, () => {
      endCount();
      begin();
    });
    return () => {
      leave();
      endCount();
    };
  };
}
