import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { clientLookMs, lingerMs } from "../limits.ts";

/** Closes connections that have ended and do not close by themselves. */
export type StuckSockets = {
  /** @param session The HTTP/2 session on this socket; `undefined` for HTTP/1.1. */
  watch(socket: Socket, session?: ServerHttp2Session): void;
  stop(): void;
};

/**
 * Destroy a socket that was ended and does not close, because its client does not read the rest. Node would
 * wait for that without a limit and keep all of the rest in memory. An HTTP/2 session that ended with an error
 * has less time: its answers are no longer counted, but their bytes are still in memory.
 *
 * @param timeoutMs The time for a connection that ended without an error, in milliseconds.
 */
export function createStuckSockets(timeoutMs: number): StuckSockets {
  const sockets = new Map<Socket, { session: ServerHttp2Session | undefined; endedAt: number }>();
  const timer = setInterval(
    () => {
      const now = performance.now();
      for (const [socket, watched] of sockets) {
        const { session } = watched;
        const isEnded = session?.destroyed ?? socket.writableEnded;
        if (!isEnded) continue;
        watched.endedAt = Math.min(watched.endedAt, now);
        const isError = session?.closed === false;
        const allowedMs = isError ? Math.min(lingerMs, timeoutMs) : timeoutMs;
        if (now - watched.endedAt >= allowedMs) socket.destroy();
      }
    },
    Math.min(clientLookMs, timeoutMs / 4),
  ).unref();
  return {
    watch(socket, session) {
      sockets.set(socket, { session, endedAt: Number.POSITIVE_INFINITY });
      socket.once("close", () => sockets.delete(socket));
    },
    stop: () => clearInterval(timer),
  };
}
