import type { Stream, Turn } from "./advance-stream.ts";
import type { StreamEvent } from "./stream-event.ts";

/** Turns in several streams, which are all there. */
export type Visit = {
  /** Let the streams go on. */
  readonly leave: () => void;
};

type Queues = {
  /** @returns The number of the call. */
  readonly enter: (stream: Stream, turn: Turn) => number;
  readonly advance: (stream: Stream, event: StreamEvent) => void;
};

/**
 * Enter the queues of several streams in one step, and wait for a turn in each.
 *
 * @param signal Aborted when nobody waits any more.
 * @throws The signal's reason, or why a turn did not come. Then no stream is held.
 */
export async function enterAll(
  streams: readonly Stream[],
  { enter, advance }: Queues,
  signal: AbortSignal | undefined,
): Promise<Visit> {
  const failed = new AbortController();
  const over = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]);
  const begun: (() => void)[] = [];
  const turns = streams.map((stream) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const begin = () => {
      begun.push(() =>
        advance(stream, { kind: "turn-ended", answer: { kind: "visited", number } }),
      );
      resolve();
    };
    const number = enter(stream, { kind: "visit", signal: over, begin, reject });
    return promise;
  });
  const leave = () => {
    for (const end of begun.splice(0)) end();
  };
  try {
    await Promise.race([Promise.all(turns), rejectionBy(over)]);
    return { leave };
  } catch (error) {
    // Turns that come later are not taken.
    failed.abort(error);
    leave();
    throw error;
  }
}

/** Rejects with the reason of the signal when it is aborted, or at once. */
function rejectionBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
