import type { ServerHttp2Session } from "node:http2";
import { http2LookMs, http2MaxAgeMs } from "../limits.ts";

/**
 * Close a connection of HTTP/2 that nobody uses, or that has grown old: after a change of nodes, old
 * connections would all stay where they are. Streams that are open end first; what the client opens
 * later, GOAWAY tells it to open again elsewhere.
 *
 * @param times Default: those in `limits.ts`.
 * @returns To be called for each stream: a counter, because a timer to reset would cost each call more.
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
