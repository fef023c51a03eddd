import { constants, type ServerHttp2Session } from "node:http2";
import { goAwayGraceMs, http2LookMs, http2MaxAgeMs } from "./limits.ts";

/** As RFC 9113 section 6.8 asks before the stream that counts is known. */
const lastStreamPossible = 2 ** 31 - 1;

/**
 * Tell a client of HTTP/2 to open its next streams on another connection, and close this one when the
 * last stream has ended.
 *
 * Two GOAWAY frames, so that no stream is lost that the client opened before it had read the first.
 */
export function sayGoodbye(session: ServerHttp2Session): void {
  if (session.closed || session.destroyed) return;
  session.goaway(constants.NGHTTP2_NO_ERROR, lastStreamPossible);
  const timer = setTimeout(() => session.close(), goAwayGraceMs);
  session.once("close", () => clearTimeout(timer));
}

/**
 * Say goodbye to a connection that nobody uses, or that has grown old: after a change of nodes, old
 * connections would all stay where they are.
 *
 * @returns To be called for each stream: a counter, because a timer to reset would cost each call more.
 */
export function retireInTime(session: ServerHttp2Session): () => void {
  let streams = 0;
  let seen = -1;
  // Node's own session timeout keeps a closed session in memory until it has passed.
  const looks = setInterval(() => {
    if (streams === seen) session.close();
    seen = streams;
  }, http2LookMs).unref();
  const jitter = 0.9 + 0.2 * Math.random();
  const age = setTimeout(() => sayGoodbye(session), http2MaxAgeMs * jitter).unref();
  session.once("close", () => {
    clearInterval(looks);
    clearTimeout(age);
  });
  return () => {
    streams += 1;
  };
}
