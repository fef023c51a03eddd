import type { AddressInfo, Server, Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { addressGroup, createClientAddresses } from "./bounds/client-address.ts";
import { createConnections } from "./bounds/connections.ts";
import { createOpenStreams } from "./bounds/open-streams.ts";
import { createOverload } from "./bounds/overload.ts";
import { createShares } from "./bounds/shares.ts";
import { createStuckSockets } from "./bounds/stuck-sockets.ts";
import { createUnsent } from "./bounds/unsent.ts";
import { createDispatch } from "./dispatch/dispatch.ts";
import type { ExchangeSite } from "./http/exchange.ts";
import { createDate } from "./http/http-answers.ts";
import { createHttp1Server } from "./http/http1-server.ts";
import { createHttp2Server } from "./http/http2-server.ts";
import { ignoreErrors } from "./http/ignore-errors.ts";
import { createOpenSockets } from "./http/open-sockets.ts";
import { refuseOpening } from "./http/refuse-opening.ts";
import type { Opening } from "./http/sniff.ts";
import { backlog, clientLimits, farewellMs } from "./limits.ts";
import { memoize } from "./memoize.ts";
import type { WireOptions } from "./options.ts";
import type { TlsFiles, TlsServer } from "./tls/tls-server.ts";
import { createOpeningTurns } from "./turns/opening-turns.ts";
import { createTaking } from "./turns/taking.ts";

/** Where and how to listen. */
export type ListenOptions = {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** With it the port speaks TLS only; ALPN chooses between `h2`, `http/1.1` and `http/1.0`. */
  readonly tls?: TlsFiles | undefined;
};

/** How busy the server is at the moment. */
export type Load = {
  /** Open ones, also those that have sent nothing yet. */
  readonly connections: number;
  /** Unary calls in flight. */
  readonly calls: number;
};

/** One server on one port. */
export interface Listener {
  /** @throws Error if the address cannot be used. */
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
   * @param drainMs Calls that still run after this time are cut off.
   */
  close(drainMs: number): Promise<void>;
}

/**
 * One port for TLS, HTTP/2 with prior knowledge and HTTP/1.1: the first bytes of a connection decide.
 *
 * The HTTP/1.1 server is the one that listens, because Node enforces header and request timeouts only on a
 * server that listens. It passes the connections of the other protocols on.
 *
 * @throws Error if a method is registered twice, or if HTTP rules match the same requests.
 */
export function createListener(options: WireOptions): Listener {
  let isDraining = false;
  let tls: TlsServer | undefined;
  const shutdown = new AbortController();
  const limits = { ...clientLimits, ...options.clientLimits };
  const clients = createClientAddresses(options.trustedProxies);
  const taking = createTaking();
  const site: ExchangeSite = {
    clientOf: clients.of,
    groupOf: memoize(addressGroup),
    unsent: createUnsent(limits),
    unhandled: createShares(limits.maxUnhandledBytes, limits.maxUnhandledBytesEach),
    isDraining: () => isDraining,
    isTaking: taking.isTaking,
    date: createDate(),
  };
  const sockets = createOpenSockets({
    takePlace: createConnections(limits, clients, site.groupOf),
    serve,
    takeTurn: createOpeningTurns(site),
    taking,
  });
  const openStreams = createOpenStreams(limits);
  const stuck = createStuckSockets(limits.unsentTimeoutMs);
  const overload = createOverload(options);
  const dispatch = createDispatch(options, {
    ...site,
    shutdown: shutdown.signal,
    overload,
    openStream: (peer, end) => openStreams.open(site.groupOf(peer), end),
  });
  const http1 = createHttp1Server(limits, site, stuck, dispatch);
  const { observeClose = () => {} } = options;
  const http2 = createHttp2Server(limits, site, dispatch, observeClose);

  /** Hand a connection to the server of its protocol. */
  function serve(socket: Socket, protocol: Opening): void {
    if ((protocol === "tls") !== (tls !== undefined)) refuseOpening(socket, protocol);
    else if (tls !== undefined) tls.adopt(socket);
    else adopt(socket, protocol === "http2");
  }

  const adopt = (socket: Socket, isHttp2: boolean) => (isHttp2 ? http2 : http1).adopt(socket);

  return {
    async listen({ host, port, tls: files }) {
      if (files !== undefined) {
        // Loaded only if it is used: with it Node.js reads all root certificates, which takes 5 ms.
        const { createTlsServer } = await import("./tls/tls-server.ts");
        tls = createTlsServer(files, limits, site, adopt);
      }
      http1.server.on("connection", sockets.accept);
      return listenOn(http1.server, host, port);
    },
    reloadTls: () => tls?.reload(),
    load: () => ({ connections: sockets.count(), calls: overload.calls() }),
    async close(drainMs) {
      isDraining = true;
      const closed = new Promise<void>((resolve) => http1.server.close(() => resolve()));
      http2.close();
      sockets.destroyOpening();
      tls?.destroyOpening();
      const timer = setTimeout(() => {
        shutdown.abort(new ConnectError("shutting down", Code.Unavailable));
        // Streams tell their clients why they end. Only then are the connections cut off.
        setTimeout(sockets.destroyAll, farewellMs);
      }, drainMs);
      await closed;
      clearTimeout(timer);
      overload.stop();
      openStreams.stop();
      site.unsent.stop();
      stuck.stop();
      http2.stop();
    },
  };
}

function listenOn(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog }, () => {
      ignoreErrors(server.off("error", reject));
      resolve(server.address() as AddressInfo);
    });
  });
}
