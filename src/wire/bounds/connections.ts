import type { Socket } from "node:net";
import type { ClientLimits } from "../limits.ts";
import type { ClientAddresses } from "./client-address.ts";
import { createShares } from "./shares.ts";

/**
 * Bound the connections of each client and of all. Those of trusted proxies are not counted.
 *
 * @param groupOf As `addressGroup`.
 * @returns Whether a client may have one more connection. Its socket may be destroyed later, to make room
 *   for a client that has fewer.
 */
export function createConnections(
  { maxConnections, maxConnectionsEach }: ClientLimits,
  clients: ClientAddresses,
  groupOf: (address: string) => string,
): (socket: Socket) => boolean {
  const places = createShares(maxConnections, maxConnectionsEach);
  return (socket) => {
    const peer = socket.remoteAddress ?? "";
    if (clients.isTrusted(peer)) return true;
    const place = places.take(groupOf(peer), 1, () => socket.destroy());
    if (place === undefined) return false;
    socket.once("close", place.end);
    return true;
  };
}
