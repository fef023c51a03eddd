import { refusal } from "./refusal.ts";

/** How long a call may take, and whether anybody still waits for it. */
export type Deadline = {
  /** Aborted when the time is over, the client has gone or the call has ended. */
  readonly signal: AbortSignal;
  /** Milliseconds left, at least 0. */
  remainingMs(): number;
  /**
   * Settles as `work` does, or rejects as soon as the time is over or the call is canceled: a handler
   * that never looks at the signal cannot hold the client.
   */
  race<T>(work: Promise<T>): Promise<T>;
  /** @param reason What `race` rejects with. */
  cancel(reason: Error): void;
  /** The call is answered: stop the clock. */
  end(): void;
};

/** Given to signals when a call ends well: one object, because making a DOMException is slow. */
const ended = new Error("the call has ended");

/** @param timeoutMs From now; 0 is over at once. */
export function startDeadline(timeoutMs: number): Deadline {
  const endsAt = performance.now() + timeoutMs;
  let over: Error | undefined;
  let controller: AbortController | undefined;
  let rejectRace: ((reason: Error) => void) | undefined;

  const finish = (reason: Error) => {
    if (over !== undefined) return;
    over = reason;
    clearTimeout(timer);
    controller?.abort(reason);
    rejectRace?.(reason);
  };
  const exceed = () => finish(refusal("deadlineExceeded", "deadline exceeded"));
  const timer = timeoutMs > 0 ? setTimeout(exceed, timeoutMs) : undefined;
  if (timer === undefined) exceed();

  return {
    // Made when first asked for: most handlers never look.
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (over !== undefined) controller.abort(over);
      }
      return controller.signal;
    },
    remainingMs: () => Math.max(0, endsAt - performance.now()),
    race(work) {
      if (over !== undefined) {
        // Nobody waits for it any more, so nobody else would hear it fail.
        work.catch(() => undefined);
        return Promise.reject(over);
      }
      return new Promise((resolve, reject) => {
        rejectRace = reject;
        work.then(resolve, reject);
      });
    },
    cancel: finish,
    end: () => finish(ended),
  };
}
