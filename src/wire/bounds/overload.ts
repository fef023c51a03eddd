import { lagIntervalMs, maxCallsInFlight, maxLagMs as usualMaxLagMs } from "../limits.ts";

/** Tells whether the process has more to do than it can. */
export type Overload = {
  isOverloaded(): boolean;
  /** Calls in flight. */
  calls(): number;
  /** A call begins; `end` once it is answered. */
  begin(): void;
  end(): void;
  /** Stop watching the event loop. */
  stop(): void;
};

/**
 * Notice when further calls would only make all of them late: when too many are in flight, or when the
 * event loop was late twice in a row. Once does not count, because a garbage collection or another process
 * on the machine causes that, too.
 *
 * @param options.maxLagMs The event loop is late when it is more than this behind. Infinity: never.
 *   Default: 500.
 * @param options.observeLag Called at every look with how late the event loop was, in milliseconds.
 * @param options.watch Calls back regularly with how late the event loop was, in milliseconds; returns a
 *   function that stops it. Default: a timer.
 */
export function createOverload(
  options: {
    readonly maxCalls?: number;
    readonly maxLagMs?: number | undefined;
    readonly observeLag?: ((lateMs: number) => void) | undefined;
    readonly watch?: typeof watchEventLoop;
  } = {},
): Overload {
  const { maxCalls = maxCallsInFlight, maxLagMs = usualMaxLagMs } = options;
  const { observeLag, watch = watchEventLoop } = options;
  let calls = 0;
  let lateInARow = 0;
  const stop = watch((lateMs) => {
    lateInARow = lateMs > maxLagMs ? lateInARow + 1 : 0;
    observeLag?.(lateMs);
  });
  return {
    isOverloaded: () => calls >= maxCalls || lateInARow >= 2,
    calls: () => calls,
    begin() {
      calls += 1;
    },
    end() {
      calls -= 1;
    },
    stop,
  };
}

function watchEventLoop(look: (lateMs: number) => void): () => void {
  let due = performance.now() + lagIntervalMs;
  const timer = setInterval(() => {
    const now = performance.now();
    look(now - due);
    due = now + lagIntervalMs;
  }, lagIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
