import type { TLSSocket } from "node:tls";
import type { PacedSocket } from "./paced-socket.ts";

/** Bytes that may be sent for each byte of data: a record with the smallest frame of HTTP/2, which has 9 bytes, has 31. */
const mostOfData = 4;

/**
 * Bytes that may bring no data: a record that is not whole yet, which has up to 16 KiB, the certificates of a client, and
 * requests for new keys, which no client sends more often than once a gigabyte.
 */
const maxUselessBytes = 64 * 1_024;

/** A connection is looked at each time that it has sent so many bytes more. */
const lookBytes = 4_096;

/**
 * Close a TLS connection that sends what carries no data. OpenSSL lets a client ask for new keys (KeyUpdate, RFC 8446,
 * section 4.6.3) without a limit. Each takes 27 bytes and 6 µs, and Node tells nobody. So what a connection sends is compared
 * with the data in it.
 *
 * @param under What `socket` reads from.
 */
export function refuseUselessRecords(under: PacedSocket, socket: TLSSocket): void {
  let sent = 0;
  let data = 0;
  /** Bytes without data, less those for which data has made up since. */
  let useless = 0;
  under.onTaken = () => {
    // `socket.bytesRead` takes a while.
    if (under.bytesRead - sent < lookBytes) return;
    const more = under.bytesRead - sent - mostOfData * (socket.bytesRead - data);
    sent = under.bytesRead;
    data = socket.bytesRead;
    useless = Math.max(0, useless + more);
    if (useless > maxUselessBytes) socket.destroy();
  };
}
