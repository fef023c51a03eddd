import type { IncomingHttpHeaders } from "node:http";
import {
  constants,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { createShares } from "../bounds/shares.ts";
import type { StuckSockets } from "../bounds/stuck-sockets.ts";
import { type ClientLimits, http2Limits } from "../limits.ts";
import type { Exchange, ExchangeSite } from "./exchange.ts";
import { checkHeaders, Http2Exchange } from "./exchange-http2.ts";
import { ignoreErrors } from "./ignore-errors.ts";
import { retireInTime } from "./retire.ts";

/** Takes connections that speak HTTP/2. */
export type Http2Server = {
  /** @param socket With its first bytes put back. */
  adopt(socket: Socket): void;
  /** Tell every client to open no more streams here (GOAWAY), and close once those open have ended. */
  close(): void;
};

/** HTTP/2 from `node:http2`, with a bound on the requests that each client has open. */
export function createHttp2Server(
  limits: ClientLimits,
  site: ExchangeSite,
  stuck: StuckSockets,
  dispatch: (exchange: Exchange) => void,
): Http2Server {
  const requests = createShares(limits.maxRequests, limits.maxRequestsEach);
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer(http2Limits);
  ignoreErrors(server, "sessionError");

  function serve(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    socket: Socket,
  ): void {
    ignoreErrors(stream);
    // An error that came in the same packet, after the headers, has already ended it.
    if (stream.destroyed || stream.closed) return;
    if (!checkHeaders(headers, rawHeaders)) {
      stream.respond({ ":status": 431 }, { endStream: true });
      stream.close(constants.NGHTTP2_NO_ERROR);
      return;
    }
    const exchange = new Http2Exchange(stream, headers, socket, site);
    const place = requests.take(site.groupOf(exchange.head.peer), 1, () =>
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    );
    if (place === undefined) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    stream.on("close", place.end);
    dispatch(exchange);
  }

  function begin(session: ServerHttp2Session, socket: Socket): void {
    sessions.add(session);
    stuck.watch(socket, session);
    ignoreErrors(session);
    session.once("close", () => sessions.delete(session));
    const countStream = retireInTime(session);
    session.on("stream", (stream, headers, _flags, rawHeaders) => {
      countStream();
      serve(stream, headers, rawHeaders, socket);
    });
    if (site.isDraining()) session.close();
  }

  return {
    adopt(socket) {
      // The server that accepted it lets a client close its half and still read the answer, as HTTP/1.1
      // wants it. A client of HTTP/2 that closes its half has gone.
      socket.allowHalfOpen = false;
      // `emit` makes the session at once, so it belongs to this socket. The session itself shows us only
      // a proxy of the socket.
      server.once("session", (session) => begin(session, socket));
      server.emit("connection", socket);
    },
    close() {
      for (const session of sessions) session.close();
    },
  };
}
