import { refusal } from "./refusal.ts";

/** Given to signals when a call ends well: one object, because making a DOMException is slow. */
const ended = new Error("the call has ended");

/** How long a call may take, and whether anybody still waits for it. */
export class Deadline {
  readonly #endsAt: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #over: Error | undefined;
  #controller: AbortController | undefined;
  #rejectRace: ((reason: Error) => void) | undefined;

  /** @param timeoutMs From now; 0 is over at once. */
  constructor(timeoutMs: number) {
    this.#endsAt = performance.now() + timeoutMs;
    if (timeoutMs > 0) this.#timer = setTimeout(exceed, timeoutMs, this);
    else exceed(this);
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

function exceed(deadline: Deadline): void {
  deadline.cancel(refusal("deadlineExceeded", "deadline exceeded"));
}
