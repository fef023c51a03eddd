import { readFileSync } from "node:fs";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { openingTimeoutMs } from "../limits.ts";
import { ignoreErrors } from "./ignore-errors.ts";

/** PEM files. */
export type TlsFiles = {
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients must present a certificate that one of these CAs signed. Default: they need none. */
  readonly clientCaFile?: string;
};

/** Takes connections that begin with a TLS handshake, through its `connection` event. */
export type TlsServer = {
  readonly server: Server;
  /**
   * Read the files again; new connections use them.
   *
   * @throws Error naming the files if they cannot be used; the old ones stay.
   */
  reload(): void;
};

/**
 * @param onSecure Called with every connection whose handshake has succeeded, and with what ALPN
 *   has chosen: `h2` or HTTP/1.1.
 * @throws Error naming the files if they cannot be used.
 */
export function createTlsServer(
  files: TlsFiles,
  onSecure: (socket: TLSSocket, isHttp2: boolean) => void,
): TlsServer {
  const { certFile, keyFile, clientCaFile } = files;
  const read = () => ({
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ...(clientCaFile && { ca: readFileSync(clientCaFile) }),
  });
  const options = {
    ALPNProtocols: ["h2", "http/1.1"],
    minVersion: "TLSv1.2",
    handshakeTimeout: openingTimeoutMs,
    ...(clientCaFile && { requestCert: true, rejectUnauthorized: true }),
  } as const;
  const server = naming(files, () => createServer({ ...options, ...read() }));
  server.on("secureConnection", (socket) => {
    ignoreErrors(socket);
    onSecure(socket, socket.alpnProtocol === "h2");
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return { server, reload: () => naming(files, () => server.setSecureContext(read())) };
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
