import { readFileSync } from "node:fs";
import { type ConnectionOptions, getCACertificates } from "node:tls";
import type { PostgresHost } from "./url.ts";

/** `false`: without TLS. */
export type TlsAttempt = false | ConnectionOptions;

/**
 * The ways to connect to a host, to be tried in order until the server accepts one. As in libpq, the server's
 * certificate is checked if there is a root certificate, and its name is checked only by `verify-full`.
 *
 * @throws Error if a file cannot be read.
 */
export function tlsAttempts({ tls }: PostgresHost): readonly TlsAttempt[] {
  if (tls === undefined || tls.mode === "disable") return [false];
  const { mode, rootCertFile, client } = tls;
  const options: ConnectionOptions = {
    rejectUnauthorized: rootCertFile !== undefined,
    ...(rootCertFile !== undefined && { ca: rootCertificates(rootCertFile) }),
    ...(mode !== "verify-full" && { checkServerIdentity: () => undefined }),
    ...(client && { cert: readFileSync(client.certFile), key: readFileSync(client.keyFile) }),
  };
  if (mode === "allow") return [false, options];
  return mode === "prefer" ? [options, false] : [options];
}

function rootCertificates(file: string): string | string[] {
  if (file !== "system") return readFileSync(file, "utf8");
  return [...getCACertificates("default"), ...getCACertificates("system")];
}
