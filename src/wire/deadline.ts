import type { ConnectError } from "@connectrpc/connect";
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
  readonly #onOver: (reason: ConnectError) => void;

  /**
   * @param timeoutMs From now; more than 0.
   * @param onOver Called once when the time is over or the call is canceled, not when it ends: a
   *   handler that never looks at the signal cannot hold the client.
   */
  constructor(timeoutMs: number, onOver: (reason: ConnectError) => void) {
    this.#endsAt = performance.now() + timeoutMs;
    this.#onOver = onOver;
    this.#wait(Math.min(timeoutMs, bodyTimeoutMs));
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(Deadline.#tick, ms, this);
  }

  static #tick(this: void, deadline: Deadline): void {
    const leftMs = deadline.#endsAt - performance.now();
    // A timer may fire a fraction of a millisecond early.
    if (leftMs < 1) deadline.cancel(deadlineExceeded());
    else if (!deadline.#isReading) deadline.#wait(leftMs);
    else deadline.cancel(refusal("bodyTooSlow", "the request body came too slowly"));
  }

  /** The body has arrived: from now on only the deadline counts. */
  endBody(): void {
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

  /** @param reason Given to `onOver` and to the signal, if the call is not over already. */
  cancel(reason: ConnectError): void {
    if (this.#finish(reason)) this.#onOver(reason);
  }

  /** The call is answered: stop the clock. */
  end(): void {
    this.#finish(ended);
  }

  #finish(reason: Error): boolean {
    if (this.#over !== undefined) return false;
    this.#over = reason;
    clearTimeout(this.#timer);
    this.#controller?.abort(reason);
    return true;
  }
}

export function deadlineExceeded(): ConnectError {
  return refusal("deadlineExceeded", "deadline exceeded");
}
