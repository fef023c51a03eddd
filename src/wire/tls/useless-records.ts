import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** How often all connections are looked at, in milliseconds. After a long turn of the event loop it is done at once. */
const lookMs = 100;

/** A record of TLS with the smallest frame of HTTP/2 in it, 9 bytes, has 31. */
const mostOfData = 4;

/**
 * Bytes that may bring no data: the longest record that is not whole yet, 16 KiB, the certificates of a client, and
 * new keys, which no client makes more often than for each gigabyte.
 */
const maxUselessBytes = 64 * 1_024;

/** Closes TLS connections that send what carries no data. */
export type UselessRecords = {
  /** @param under The connection that `socket` reads from. */
  watch(under: Socket, socket: TLSSocket): void;
};

type Watched = {
  readonly under: Socket;
  readonly socket: TLSSocket;
  sent: number;
  data: number;
  /** Bytes without data, as many as are not outweighed by data since. */
  useless: number;
};

/**
 * OpenSSL lets a client ask for new keys (KeyUpdate, RFC 8446, section 4.6.3) without a limit. Each takes 27 bytes and 6 µs,
 * and Node tells nobody. So what a connection sends is compared with the data in it.
 */
export function createUselessRecords(): UselessRecords {
  const all = new Set<Watched>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    for (const each of all) {
      const { bytesRead: sent } = each.under;
      const { bytesRead: data } = each.socket;
      const more = sent - each.sent - mostOfData * (data - each.data);
      each.useless = Math.max(0, each.useless + more);
      each.sent = sent;
      each.data = data;
      if (each.useless > maxUselessBytes) each.socket.destroy();
    }
  }

  return {
    watch(under, socket) {
      const watched = { under, socket, sent: 0, data: 0, useless: 0 };
      all.add(watched);
      timer ??= setInterval(look, lookMs).unref();
      socket.once("close", () => {
        all.delete(watched);
        if (all.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      });
    },
  };
}
