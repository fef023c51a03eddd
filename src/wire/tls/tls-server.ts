import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { Shares } from "../bounds/shares.ts";
import { countUnread } from "../bounds/unhandled.ts";
import type { ExchangeSite } from "../http/exchange.ts";
import { ignoreErrors } from "../http/ignore-errors.ts";
import { type ClientLimits, openingTimeoutMs } from "../limits.ts";
import { createInputTurns } from "../turns/input-turns.ts";
import { createHandshakePlaces } from "./handshake-places.ts";
import { type PacedSite, PacedSocket } from "./paced-socket.ts";
import { refuseUselessRecords } from "./useless-records.ts";

/** PEM files. */
export type TlsFiles = {
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients must present a certificate that one of these CAs signed. Default: they need none. */
  readonly clientCaFile?: string;
};

/** Takes connections that begin with a TLS handshake. */
export type TlsServer = {
  /** @param socket With its first bytes put back. */
  adopt(socket: Socket): void;
  /** Destroy those whose handshake is under way. */
  destroyOpening(): void;
  /**
   * Read the files again; new connections use them.
   *
   * @throws Error naming the files if they cannot be used; the old ones stay.
   */
  reload(): void;
};

/**
 * A handshake begins when there is a place for it. What its client sends is taken in turns.
 *
 * @param site.groupOf As `addressGroup`.
 * @param site.unhandled Room for bytes that were read from connections that wait.
 * @param site.isTaking As `Taking`.
 * @param onSecure Called with every connection whose handshake has succeeded, and with what ALPN
 *   has chosen: `h2` or HTTP/1.
 * @throws Error naming the files if they cannot be used.
 */
export function createTlsServer(
  files: TlsFiles,
  limits: ClientLimits,
  { groupOf, unhandled, isTaking }: Pick<ExchangeSite, "groupOf" | "unhandled" | "isTaking">,
  onSecure: (socket: TLSSocket, isHttp2: boolean) => void,
): TlsServer {
  const server = naming(files, () => createServer(optionsFrom(files)));
  const takePlace = createHandshakePlaces(limits);
  const paced: PacedSite = { groupOf, unhandled, turns: createInputTurns(isTaking) };
  /** What gives up the place of a connection, or its wait for one, by the socket under TLS. */
  const opening = new Map<Socket, () => void>();

  server.on("secureConnection", (socket) => {
    ignoreErrors(socket);
    const under = PacedSocket.current;
    if (under === undefined) {
      socket.destroy();
      return;
    }
    // A renegotiation would be one more handshake, without a place. RFC 9113, section 9.2.1, forbids it for HTTP/2. OpenSSL's
    // own option would keep the connection and answer each try, as often as the client likes.
    socket.disableRenegotiation();
    // As it was before the handshake: see `begin`.
    under.socket.allowHalfOpen = true;
    socket.allowHalfOpen = true;
    // Node knows the address only for sockets of its own.
    Object.defineProperty(socket, "remoteAddress", { value: under.socket.remoteAddress });
    leave(under.socket);
    refuseUselessRecords(under, socket);
    onSecure(socket, socket.alpnProtocol === "h2");
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());

  function leave(socket: Socket): void {
    opening.get(socket)?.();
    opening.delete(socket);
  }

  function begin(socket: Socket): void {
    // If it were true, Node would keep a connection that its client has closed until the handshake has timed out.
    socket.allowHalfOpen = false;
    server.emit("connection", new PacedSocket(socket, paced));
  }

  return {
    adopt(socket) {
      const client = groupOf(socket.remoteAddress ?? "");
      let endWait: (() => void) | undefined;
      let isBegun = false;
      const leavePlace = takePlace({
        client,
        begin() {
          isBegun = true;
          endWait?.();
          begin(socket);
        },
        end: () => socket.destroy(),
      });
      if (!isBegun) endWait = waitForPlace(socket, unhandled, client);
      opening.set(socket, () => {
        endWait?.();
        leavePlace();
      });
      socket.once("close", () => leave(socket));
    },
    destroyOpening() {
      for (const socket of opening.keys()) socket.destroy();
    },
    reload: () => naming(files, () => server.setSecureContext(optionsFrom(files))),
  };
}

/**
 * Bound what is read from a connection while it waits for a place, and how long it waits.
 *
 * @returns To be called when there is a place, or the connection is closed.
 */
function waitForPlace(socket: Socket, unhandled: Shares, client: string): () => void {
  const endCount = countUnread(socket, unhandled, client);
  const timer = setTimeout(() => socket.destroy(), openingTimeoutMs);
  return () => {
    clearTimeout(timer);
    endCount();
  };
}

function optionsFrom({ certFile, keyFile, clientCaFile }: TlsFiles) {
  return {
    ALPNProtocols: ["h2", "http/1.1", "http/1.0"],
    minVersion: "TLSv1.2",
    handshakeTimeout: openingTimeoutMs,
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ...(clientCaFile && {
      ca: readFileSync(clientCaFile),
      requestCert: true,
      rejectUnauthorized: true,
    }),
  } as const;
}

/** The key and the certificate can be read, but have different public keys. */
function isMismatch(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH";
}

/** OpenSSL's own messages do not say which file they are about. */
function naming<Result>({ certFile, keyFile }: TlsFiles, use: () => Result): Result {
  try {
    return use();
  } catch (error) {
    if (isMismatch(error)) {
      throw new Error(
        `the private key in ${keyFile} does not belong to the certificate in ${certFile}: give the key that the certificate was made for`,
        { cause: error },
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the PEM files ${certFile} and ${keyFile} cannot be used: ${reason}`, {
      cause: error,
    });
  }
}
