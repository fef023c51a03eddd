import type { Socket } from "node:net";
import { clientLookMs } from "../limits.ts";

/** Closes connections that have ended and do not close by themselves. */
export type StuckSockets = {
  watch(socket: Socket): void;
  stop(): void;
};

/**
 * Destroy a socket of HTTP/1.1 that was ended and does not close, because its client does not read the rest. Node
 * would wait for that without a limit and keep all of the rest in memory.
 *
 * @param timeoutMs From the end to the close, in milliseconds.
 */
export function createStuckSockets(timeoutMs: number): StuckSockets {
  /** When each was first seen to have ended. */
  const sockets = new Map<Socket, number>();
  const timer = setInterval(
    () => {
      const now = performance.now();
      for (const [socket, before] of sockets) {
        if (!socket.writableEnded) continue;
        const endedAt = Math.min(before, now);
        sockets.set(socket, endedAt);
        if (now - endedAt >= timeoutMs) socket.destroy();
      }
    },
    Math.min(clientLookMs, timeoutMs / 4),
  ).unref();
  return {
    watch(socket) {
      sockets.set(socket, Number.POSITIVE_INFINITY);
      socket.once("close", () => sockets.delete(socket));
    },
    stop: () => clearInterval(timer),
  };
}
