import { bodyTimeoutMs } from "./limits.ts";
import { refusal } from "./refusal.ts";

/** Given to signals when a call ends well: one object, because making a DOMException is slow. */
const ended = new Error("the call has ended");

/**
 * How long a call may take, and whether anybody still waits for it.
 *
 * The time for the request's body to arrive is limited besides: both share one timer.
 */
export class Deadline {
  readonly #endsAt: number;
  #timer: NodeJS.Timeout | undefined;
  #isReading = true;
  #over: Error | undefined;
  #controller: AbortController | undefined;
  #rejectRace: ((reason: Error) => void) | undefined;

  /** @param timeoutMs From now; 0 is over at once. */
  constructor(timeoutMs: number) {
    this.#endsAt = performance.now() + timeoutMs;
    if (timeoutMs > 0) this.#wait(Math.min(timeoutMs, bodyTimeoutMs));
    else this.#exceed();
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(Deadline.#tick, ms, this);
  }

  static #tick(this: void, deadline: Deadline): void {
    const leftMs = deadline.#endsAt - performance.now();
    // A timer may fire a fraction of a millisecond early.
    if (leftMs < 1) deadline.#exceed();
    else if (!deadline.#isReading) deadline.#wait(leftMs);
    else deadline.cancel(refusal("bodyTooSlow", "the request body came too slowly"));
  }

  #exceed(): void {
    this.cancel(refusal("deadlineExceeded", "deadline exceeded"));
  }

  /**
   * The body has arrived: from now on only the deadline counts.
   *
   * @throws What `race` rejects with, if the call is over already: it must not begin.
   */
  endBody(): void {
    if (this.#over !== undefined) throw this.#over;
    this.#isReading = false;
  }

  /** Aborted when the time is over, the client has gone or the call has ended. */
  get signal(): AbortSignal {
    // Made when first asked for: most handlers never look.
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#over !== undefined) this.#controller.abort(this.#over);
    }
    return this.#controller.signal;
  }

  /** Milliseconds left, at least 0. */
  remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /**
   * Settles as `work` does, or rejects as soon as the time is over or the call is canceled: a handler
   * that never looks at the signal cannot hold the client.
   */
  race<T>(work: Promise<T>): Promise<T> {
    if (this.#over !== undefined) {
      // Nobody waits for it any more, so nobody else would hear it fail.
      work.catch(() => undefined);
      return Promise.reject(this.#over);
    }
    return new Promise((resolve, reject) => {
      this.#rejectRace = reject;
      work.then(resolve, reject);
    });
  }

  /** @param reason What `race` rejects with. */
  cancel(reason: Error): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    clearTimeout(this.#timer);
    this.#controller?.abort(reason);
    this.#rejectRace?.(reason);
  }

  /** The call is answered: stop the clock. */
  end(): void {
    this.cancel(ended);
  }
}
