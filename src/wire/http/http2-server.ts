import type { Socket } from "node:net";
import { createShares } from "../bounds/shares.ts";
import type { ClosedConnection } from "../http2/close-reason.ts";
import type { Transport } from "../http2/output.ts";
import { Http2Session } from "../http2/session.ts";
import type { SessionSite } from "../http2/session-site.ts";
import { type ClientLimits, http2LookMs } from "../limits.ts";
import type { Exchange, ExchangeSite } from "./exchange.ts";

/** Takes connections that speak HTTP/2. */
export type Http2Server = {
  /** @param socket With its first bytes put back. */
  adopt(socket: Socket): void;
  /** Tell every client to open no more streams here (GOAWAY), and close once those open have ended. */
  close(): void;
  /** Stop looking after the connections. */
  stop(): void;
};

/**
 * HTTP/2 on sockets, with a bound on the requests that each client has open.
 *
 * @param observeClose Called for each connection that the server ends.
 */
export function createHttp2Server(
  limits: ClientLimits,
  { clientOf, groupOf, unsent, unhandled, isDraining, isTaking, date }: ExchangeSite,
  dispatch: (exchange: Exchange) => void,
  observeClose: (closed: ClosedConnection) => void,
): Http2Server {
  const sessions = new Set<Http2Session>();
  const site: SessionSite = {
    clientOf,
    groupOf,
    unsent,
    isDraining,
    isTaking,
    dispatch,
    observeClose,
    requests: createShares(limits.maxRequests, limits.maxRequestsEach),
    bodies: createShares(limits.maxBodyBytes, limits.maxBodyBytesEach),
    unhandled,
    busy: new Set(),
    unsentTimeoutMs: limits.unsentTimeoutMs,
    now: () => performance.now(),
    soon: setImmediate,
    date,
  };
  const look = () => {
    for (const session of sessions) session.look();
  };
  const timer = setInterval(look, http2LookMs).unref();

  return {
    adopt(socket) {
      // The server that accepted it lets a client close its half, because short answers over HTTP/1.1 can still reach
      // it then. A client of HTTP/2 that closes its half has gone.
      socket.allowHalfOpen = false;
      socket.setNoDelay(true);
      const taken = () => session.taken();
      const session = new Http2Session(
        createTransport(socket, taken),
        socket.remoteAddress ?? "",
        site,
      );
      sessions.add(session);
      socket.on("data", (chunk: Buffer) => session.receive(chunk));
      socket.once("close", () => {
        sessions.delete(session);
        session.hangUp();
      });
      if (isDraining()) session.drain();
      socket.resume();
    },
    close() {
      for (const session of sessions) session.drain();
    },
    stop: () => clearInterval(timer),
  };
}

/** @param taken Called when the system has taken what was written. */
function createTransport(socket: Socket, taken: () => void): Transport {
  return {
    write(pieces) {
      if (socket.destroyed) return;
      const last = pieces.length - 1;
      if (last > 0) socket.cork();
      for (let index = 0; index < last; index++) socket.write(pieces[index] as Uint8Array);
      socket.write(pieces[last] as Uint8Array, taken);
      if (last > 0) socket.uncork();
    },
    unsent: () => socket.writableLength,
    unread: () => socket.readableLength,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}
