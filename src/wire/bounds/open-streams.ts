import { type ClientLimits, clientLimits, clientLookMs } from "../limits.ts";
import { refusal } from "../refusal.ts";
import { createShares } from "./shares.ts";

/** The streaming calls that are open. Without a bound a stream may last for ever, and most need no token. */
export type OpenStreams = {
  /**
   * @param client Whose stream it is: see `addressGroup`.
   * @param end Ends the stream, because it is too old or its place is needed for another client.
   * @returns A function to call when the stream has ended; `undefined` if the client has too many open.
   */
  open(client: string, end: (reason: Error) => void): (() => void) | undefined;
  stop(): void;
};

/** Bound open streams per client and in all, and end those that reach their max age. */
export function createOpenStreams({
  maxStreams,
  maxStreamsEach,
  maxStreamAgeMs,
}: Pick<
  ClientLimits,
  "maxStreams" | "maxStreamsEach" | "maxStreamAgeMs"
> = clientLimits): OpenStreams {
  const places = createShares(maxStreams, maxStreamsEach);
  // In the order in which they were opened, so that one timer for all looks only at the oldest.
  const open = new Set<{ readonly since: number; readonly end: () => void }>();
  const timer = setInterval(
    () => {
      for (const stream of open) {
        if (performance.now() - stream.since < maxStreamAgeMs) return;
        open.delete(stream);
        stream.end();
      }
    },
    Math.min(clientLookMs, maxStreamAgeMs / 4),
  ).unref();

  return {
    open(client, end) {
      const stream = {
        since: performance.now(),
        end: () => end(refusal("streamTooOld", "the stream is too old; open it again")),
      };
      open.add(stream);
      const place = places.take(client, 1, () => {
        open.delete(stream);
        end(refusal("tooManyStreams", "another client needs the place of this stream"));
      });
      if (place === undefined) {
        open.delete(stream);
        return undefined;
      }
      return () => {
        open.delete(stream);
        place.end();
      };
    },
    stop: () => clearInterval(timer),
  };
}
