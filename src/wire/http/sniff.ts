import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { preface } from "../http2/frames.ts";
import { openingTimeoutMs } from "../limits.ts";

/** What the first bytes of a connection belong to. */
export type Opening = "tls" | "http2" | "http1";

/** The first byte of a TLS handshake (RFC 8446 section 5.1). */
const tlsHandshake = 0x16;

/**
 * Read the first bytes of a connection to tell which protocol it speaks. They are put back, and the socket
 * is paused. A socket that does not send enough for that in 5 seconds, or ends before, is destroyed.
 *
 * @param onDone Called once; with `undefined` if the socket was closed before it had sent enough.
 */
export function sniff(socket: Socket, onDone: (opening: Opening | undefined) => void): void {
  let isDone = false;
  const endSlow = () => {
    if (!isDone) socket.destroy();
  };
  // In the same turn, but after the sockets were read: what came while the process stood still is in time.
  const timer = setTimeout(() => setImmediate(endSlow), openingTimeoutMs);
  let seen: Buffer = Buffer.alloc(0);
  const done = (opening: Opening | undefined) => {
    isDone = true;
    clearTimeout(timer);
    socket.off("data", onData).off("end", onEnd).off("close", onClose).pause();
    if (opening !== undefined) socket.unshift(seen);
    onDone(opening);
  };
  const onEnd = () => void socket.destroy();
  const onClose = () => done(undefined);
  const onData = (chunk: Buffer) => {
    seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
    const opening = openingFrom(seen);
    if (opening !== undefined) done(opening);
  };
  socket.on("close", onClose).on("end", onEnd).on("data", onData);
}

/** @param seen At least one byte. `undefined` as long as they may become the preface of HTTP/2. */
function openingFrom(seen: Buffer): Opening | undefined {
  if (seen[0] === tlsHandshake) return "tls";
  const length = Math.min(seen.byteLength, preface.byteLength);
  if (!seen.subarray(0, length).equals(preface.subarray(0, length))) return "http1";
  return length === preface.byteLength ? "http2" : undefined;
}
