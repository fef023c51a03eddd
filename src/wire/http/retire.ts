import type { ServerHttp2Session } from "node:http2";
import { http2LookMs, http2MaxAgeMs } from "../limits.ts";

/**
 * Close a connection of HTTP/2 that is idle or has reached its max age. Without a max age, clients would stay
 * on old servers when new ones are added. Open streams end first. GOAWAY tells the client to open further
 * streams on a new connection.
 *
 * @param times Default: those in `limits.ts`.
 * @returns Call it for each stream. It only counts, because resetting a timer would cost each call more.
 */
export function retireInTime(
  session: ServerHttp2Session,
  { lookMs = http2LookMs, maxAgeMs = http2MaxAgeMs } = {},
): () => void {
  let streams = 0;
  let seen = -1;
  // Node's own session timeout keeps a closed session in memory until it has passed.
  const looks = setInterval(() => {
    if (streams === seen) session.close();
    seen = streams;
  }, lookMs).unref();
  const jitter = 0.9 + 0.2 * Math.random();
  const age = setTimeout(() => session.close(), maxAgeMs * jitter).unref();
  session.once("close", () => {
    clearInterval(looks);
    clearTimeout(age);
  });
  return () => {
    streams += 1;
  };
}
