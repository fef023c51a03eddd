import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { clientLookMs, lingerMs } from "../limits.ts";

/** Connections that are about to close, and may never do so. */
export type StuckSockets = {
  /** @param session That speaks over it; without one, HTTP/1.1 does. */
  watch(socket: Socket, session?: ServerHttp2Session): void;
  stop(): void;
};

/**
 * Destroy a socket that was ended and does not close, because its client does not read what is left:
 * Node waits for that without a limit, and keeps all of it. An HTTP/2 session that ends for an error
 * has forgotten its answers by then, but not their bytes, so it has less time.
 *
 * @param timeoutMs For what was ended in good order.
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
