import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { lingerMs } from "../limits.ts";

const text = "This port speaks TLS only. Use https:// instead of http://.\n";

const answer = Buffer.from(
  "HTTP/1.1 400 Bad Request\r\n" +
    "content-type: text/plain; charset=utf-8\r\n" +
    `content-length: ${text.length}\r\n` +
    "cache-control: no-store\r\n" +
    `connection: close\r\n\r\n${text}`,
);

/**
 * Tell a client that it sends plain HTTP to a port with TLS, and close. Its request is read and dropped
 * until then: a connection that is closed while bytes are unread is reset, and the answer may be lost.
 */
export function refusePlainHttp(socket: Socket): void {
  socket.resume();
  socket.end(answer);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}
