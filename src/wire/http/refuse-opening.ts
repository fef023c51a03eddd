import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { codes, frameTypes, headBytes } from "../http2/frames.ts";
import { lingerMs } from "../limits.ts";
import type { Opening } from "./sniff.ts";

const onTls = "This port speaks TLS only. Use https:// instead of http://.\n";
const onPlain = "This port speaks no TLS. Use http:// instead of https://.\n";

/** What a client is told that speaks this to a port that does not. */
const answers: Readonly<Record<Opening, Buffer>> = {
  http1: badRequest(onTls),
  http2: goAway(codes.inadequateSecurity, onTls),
  // No TLS either: programs name what they got, such as "wrong version number", where a mere close tells nothing.
  tls: badRequest(onPlain),
};

/**
 * Tell a client that it speaks TLS to a port without, or none to a port with TLS, and close. What it sends is read
 * and dropped until then: a connection that is closed while bytes are unread is reset, and the answer may be lost.
 */
export function refuseOpening(socket: Socket, opening: Opening): void {
  socket.resume();
  socket.end(answers[opening]);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}

function badRequest(text: string): Buffer {
  return Buffer.from(
    "HTTP/1.1 400 Bad Request\r\n" +
      "content-type: text/plain; charset=utf-8\r\n" +
      `content-length: ${text.length}\r\n` +
      "cache-control: no-store\r\n" +
      `connection: close\r\n\r\n${text}`,
  );
}

/** Empty SETTINGS, which must come first, and GOAWAY before any stream (RFC 9113, sections 3.4 and 6.8). */
function goAway(code: number, text: string): Buffer {
  const payload = Buffer.alloc(8 + text.length);
  payload.writeUInt32BE(code, 4);
  payload.write(text, 8);
  return Buffer.concat([
    frame(frameTypes.settings, Buffer.alloc(0)),
    frame(frameTypes.goAway, payload),
  ]);
}

/** Of the connection, without flags (section 4.1). */
function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  return Buffer.concat([head, payload]);
}
