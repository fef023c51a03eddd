import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { ignoreErrors } from "../http/ignore-errors.ts";
import { openingTimeoutMs } from "../limits.ts";
import { createHandshakeTurns } from "./handshake-turns.ts";
import { createUselessRecords } from "./useless-records.ts";

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
 * Handshakes are made by turns.
 *
 * @param groupOf As `addressGroup`.
 * @param onSecure Called with every connection whose handshake has succeeded, and with what ALPN
 *   has chosen: `h2` or HTTP/1.1.
 * @throws Error naming the files if they cannot be used.
 */
export function createTlsServer(
  files: TlsFiles,
  groupOf: (address: string) => string,
  onSecure: (socket: TLSSocket, isHttp2: boolean) => void,
): TlsServer {
  const server = naming(files, () => createServer(optionsFrom(files)));
  const takeHandshakeTurns = createHandshakeTurns();
  /** By the connection under it, what ends its turns in the handshake. */
  const handshakes = new WeakMap<Socket, () => void>();
  const opening = new Set<Socket>();
  const useless = createUselessRecords();

  server.on("secureConnection", (socket) => {
    ignoreErrors(socket);
    // It would be one more handshake, with no turn. RFC 9113, section 9.2.1, wants it for HTTP/2. OpenSSL's own option
    // keeps the connection and answers each try, so a client could make as many as it likes.
    socket.disableRenegotiation();
    const under = underneath(socket);
    if (under !== undefined) {
      handshakes.get(under)?.();
      opening.delete(under);
      useless.watch(under, socket);
    }
    onSecure(socket, socket.alpnProtocol === "h2");
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());

  return {
    adopt(socket) {
      opening.add(socket);
      server.emit("connection", socket);
      // In the next tick Node takes the bytes that were put back. Then it reads.
      process.nextTick(() => {
        if (socket.destroyed) return;
        const client = groupOf(socket.remoteAddress ?? "");
        handshakes.set(socket, takeHandshakeTurns({ client, ...handleOf(socket) }));
      });
      socket.once("close", () => {
        opening.delete(socket);
        handshakes.get(socket)?.();
      });
    },
    destroyOpening() {
      for (const socket of opening) socket.destroy();
    },
    reload: () => naming(files, () => server.setSecureContext(optionsFrom(files))),
  };
}

function optionsFrom({ certFile, keyFile, clientCaFile }: TlsFiles) {
  return {
    ALPNProtocols: ["h2", "http/1.1"],
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

/*
 * The next two read fields of Node that its manual does not tell of. Under TLS the bytes of a connection go from its handle
 * to OpenSSL, whatever its sockets do, and there is no other way to leave them with the system.
 */

type Handle = { readStart(): void; readStop(): void };

function handleOf(socket: Socket) {
  const handle = () => (socket as Socket & { readonly _handle?: Handle | null })._handle;
  return { read: () => handle()?.readStart(), hold: () => handle()?.readStop() };
}

function underneath(socket: TLSSocket): Socket | undefined {
  return (socket as TLSSocket & { readonly _parent?: Socket })._parent;
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
