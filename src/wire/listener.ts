import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { constants, createServer as createHttp2, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { addressGroup, createClientAddresses } from "./bounds/client-address.ts";
import { createOpenStreams } from "./bounds/open-streams.ts";
import { createOverload } from "./bounds/overload.ts";
import { createShares } from "./bounds/shares.ts";
import { createStuckSockets } from "./bounds/stuck-sockets.ts";
import { createTurns } from "./bounds/turns.ts";
import { createUnsent } from "./bounds/unsent.ts";
import { createDispatch } from "./dispatch/dispatch.ts";
import type { ExchangeSite } from "./http/exchange.ts";
import { Http1Exchange } from "./http/exchange-http1.ts";
import { checkHeaders, Http2Exchange } from "./http/exchange-http2.ts";
import { type Feed, feedRequests } from "./http/feed.ts";
import { retireInTime } from "./http/retire.ts";
import { createTlsServer, type TlsFiles, type TlsServer } from "./http/tls.ts";
import {
  clientLimits,
  farewellMs,
  http1Limits,
  http2Limits,
  maxHeaders,
  maxRequestsPerSocket,
  openingTimeoutMs,
} from "./limits.ts";
import { memoize } from "./memoize.ts";
import type { WireOptions } from "./options.ts";

/** Where and how to listen. */
export type ListenOptions = {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** With it the port speaks TLS only; ALPN chooses between `h2` and `http/1.1`. */
  readonly tls?: TlsFiles | undefined;
};

/** What there is to do at the moment. */
export type Load = {
  /** Open, those included that have said nothing yet. */
  readonly connections: number;
  /** Unary, being answered. */
  readonly calls: number;
};

export interface Listener {
  /** @throws Error if the address cannot be had. */
  listen(options: ListenOptions): Promise<AddressInfo>;
  /**
   * Read the TLS files again; new connections use them.
   *
   * @throws Error if they cannot be used; the old ones stay.
   */
  reloadTls(): void;
  load(): Load;
  /**
   * Stop: accept no more, tell every client (GOAWAY, `connection: close`), let calls in flight end.
   *
   * @param drainMs What still runs after this is broken off.
   */
  close(drainMs: number): Promise<void>;
}

/** What a client that knows we speak HTTP/2 sends first (RFC 9113 section 3.4). */
const http2Preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** The first byte of a TLS handshake (RFC 8446 section 5.1). */
const tlsHandshake = 0x16;

/**
 * One port for TLS, HTTP/2 with prior knowledge and HTTP/1.1: the first bytes of a connection decide.
 *
 * The HTTP/1.1 server is the one that listens, because Node enforces its header and request timeouts
 * only on a server that does; the others are handed their connections.
 *
 * @throws Error if the services contradict each other.
 */
export function createListener(options: WireOptions): Listener {
  let isDraining = false;
  const shutdown = new AbortController();
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const opening = new Set<Socket>();
  const limits = { ...clientLimits, ...options.clientLimits };
  const clients = createClientAddresses(options.trustedProxies);
  const groupOf = memoize(addressGroup);
  const places = createShares(limits.maxConnections, limits.maxConnectionsEach);
  const unfed = createShares(limits.maxUnfedBytes, limits.maxUnfedBytesEach);
  const requests = createShares(limits.maxRequests, limits.maxRequestsEach);
  const openStreams = createOpenStreams(limits);
  const feeds = new WeakMap<Socket, Feed>();
  const takeTurn = createTurns(limits, (socket) => feeds.get(socket)?.goOn());
  const stuck = createStuckSockets(limits.unsentTimeoutMs);
  const site: ExchangeSite = {
    clientOf: clients.of,
    groupOf,
    unsent: createUnsent(limits),
    isDraining: () => isDraining,
  };
  let tls: TlsServer | undefined;
  const overload = createOverload(options);
  const dispatch = createDispatch(options, {
    isDraining: () => isDraining,
    shutdown: shutdown.signal,
    overload,
    openStream: (peer, end) => openStreams.open(groupOf(peer), end),
  });

  const serveHttp1 = (request: IncomingMessage, response: ServerResponse) => {
    request.on("error", ignore);
    response.on("error", ignore);
    if (request.rawHeaders.length > 2 * maxHeaders) {
      response.writeHead(431, { connection: "close", "content-length": 0 }).end();
      return;
    }
    const exchange = new Http1Exchange(request, response, site);
    const serve = (done: () => void) => {
      if (request.socket.destroyed) return;
      response.on("close", done);
      dispatch(exchange);
    };
    const isFull = takeTurn(request.socket, serve, groupOf(exchange.head.peer));
    feeds.get(request.socket)?.began(request, isFull);
  };
  const http1 = createHttp1(http1Limits, serveHttp1);
  // Otherwise Node would answer `Expect` by itself, before anybody has looked at the request.
  http1.on("checkContinue", serveHttp1).on("checkExpectation", serveHttp1);
  http1.maxHeadersCount = maxHeaders;
  http1.maxRequestsPerSocket = maxRequestsPerSocket;
  const [adoptHttp1] = http1.listeners("connection") as [(socket: Socket) => void];
  http1.removeListener("connection", adoptHttp1);

  const http2 = createHttp2(http2Limits);
  http2.on("sessionError", ignore);
  function serveSession(session: ServerHttp2Session, socket: Socket): void {
    sessions.add(session);
    stuck.watch(socket, session);
    session.on("error", ignore);
    session.once("close", () => sessions.delete(session));
    const opened = retireInTime(session);
    session.on("stream", (stream, headers, _flags, rawHeaders) => {
      opened();
      stream.on("error", ignore);
      // An error behind the headers in the same piece has ended it already.
      if (stream.destroyed || stream.closed) return;
      if (!checkHeaders(headers, rawHeaders)) {
        stream.respond({ ":status": 431 }, { endStream: true });
        stream.close(constants.NGHTTP2_NO_ERROR);
        return;
      }
      const exchange = new Http2Exchange(stream, headers, socket, site);
      const place = requests.take(groupOf(exchange.head.peer), 1, () =>
        stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
      );
      if (place === undefined) {
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      stream.on("close", place.end);
      dispatch(exchange);
    });
    if (isDraining) session.close();
  }

  function adopt(socket: Socket, isHttp2: boolean): void {
    if (isHttp2) {
      // Accepted by an HTTP/1.1 server, where a client may close its half and still read the answer.
      // In HTTP/2 a client that closes has gone.
      socket.allowHalfOpen = false;
      // At once. The session itself shows us no more than a proxy of its socket.
      http2.once("session", (session) => serveSession(session, socket));
      http2.emit("connection", socket);
    } else {
      stuck.watch(socket);
      adoptHttp1.call(http1, socket);
      const client = groupOf(socket.remoteAddress ?? "");
      const hold = (bytes: number) => unfed.take(client, bytes, () => socket.destroy());
      feeds.set(socket, feedRequests(socket, hold));
      // Sniffing paused it; HTTP/2 and TLS take what was read by themselves.
      socket.resume();
    }
  }

  /** Whether the client may have one more connection. It may lose it again to another client. */
  function findPlace(socket: Socket): boolean {
    const peer = socket.remoteAddress ?? "";
    if (clients.isTrusted(peer)) return true;
    const place = places.take(groupOf(peer), 1, () => socket.destroy());
    if (place === undefined) return false;
    socket.once("close", place.end);
    return true;
  }

  /** Hand a connection over as soon as its first bytes tell what it speaks. */
  function sniff(socket: Socket): void {
    if (!findPlace(socket)) {
      socket.destroy();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), openingTimeoutMs);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    opening.add(socket);
    let seen: Buffer = Buffer.alloc(0);
    const done = () => {
      clearTimeout(timer);
      opening.delete(socket);
      socket.off("data", onData).off("close", done).pause();
    };
    const onData = (chunk: Buffer) => {
      seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
      const isTls = seen[0] === tlsHandshake;
      const isHttp2 = !isTls && startsAlike(seen, http2Preface);
      // The preface may come in pieces: as long as it fits so far, wait for all of it.
      if (isHttp2 && seen.byteLength < http2Preface.byteLength) return;
      done();
      if (isTls !== (tls !== undefined)) {
        socket.destroy();
        return;
      }
      socket.unshift(seen);
      if (tls !== undefined) tls.server.emit("connection", socket);
      else adopt(socket, isHttp2);
    };
    socket.on("error", ignore).on("close", done).on("data", onData);
  }

  return {
    async listen({ host, port, tls: files }) {
      tls =
        files &&
        createTlsServer(files, (socket, isHttp2) => {
          socket.on("error", ignore);
          adopt(socket, isHttp2);
        });
      http1.on("connection", sniff);
      return new Promise((resolve, reject) => {
        http1.once("error", reject);
        http1.listen(port, host, () => {
          http1.off("error", reject).on("error", ignore);
          resolve(http1.address() as AddressInfo);
        });
      });
    },
    reloadTls: () => tls?.reload(),
    load: () => ({ connections: sockets.size, calls: overload.calls() }),
    async close(drainMs) {
      isDraining = true;
      const closed = new Promise<void>((resolve) => http1.close(() => resolve()));
      for (const session of sessions) session.close();
      for (const socket of opening) socket.destroy();
      const timer = setTimeout(() => {
        shutdown.abort(new ConnectError("shutting down", Code.Unavailable));
        // Streams have heard of it and say so before they are cut.
        setTimeout(() => {
          for (const socket of sockets) socket.destroy();
        }, farewellMs);
      }, drainMs);
      await closed;
      clearTimeout(timer);
      overload.stop();
      openStreams.stop();
      site.unsent.stop();
      stuck.stop();
    },
  };
}

/** An error of one connection concerns nobody else; its close event does the rest. */
function ignore(): void {}

/** Whether the shorter of the two begins the longer. */
function startsAlike(seen: Buffer, expected: Buffer): boolean {
  const length = Math.min(seen.byteLength, expected.byteLength);
  return seen.subarray(0, length).equals(expected.subarray(0, length));
}
