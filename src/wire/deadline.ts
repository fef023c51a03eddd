import type { ConnectError } from "@connectrpc/connect";
import { bodyTimeoutMs } from "./limits.ts";
import { refusal } from "./refusal.ts";

/** The reason of signals when a call ends well. One object for all, because making a DOMException is slow. */
const ended = new Error("the call has ended");

/**
 * Starts the clock of a call.
 *
 * @param timeoutMs From now; more than 0.
 * @param onOver Called once when the time is over or the call is canceled, but not when the call ends. So the
 *   client gets its answer even if the handler never looks at the signal.
 */
export type StartDeadline = (timeoutMs: number, onOver: (reason: ConnectError) => void) => Deadline;

/**
 * Calls that are younger share one timer, in milliseconds. Nearly all have ended by then. A timer for
 * each would cost 4 to 5 % of what a call costs.
 */
const youngMs = 10;

/** Deadlines of all calls of a server. Those of young calls share a timer. */
export function createDeadlines(): StartDeadline {
  let young: Deadline[] = [];
  const watchAll = () => {
    const grown = young;
    young = [];
    for (const deadline of grown) {
      // The event loop was blocked meanwhile. Cancel at once, before the call goes on.
      if (deadline.remainingMs() < 1) deadline.cancel(deadlineExceeded());
      else deadline.watch();
    }
  };
  return (timeoutMs, onOver) => {
    const deadline = new Deadline(timeoutMs, onOver);
    if (timeoutMs < 2 * youngMs) deadline.watch();
    else if (young.push(deadline) === 1) setTimeout(watchAll, youngMs);
    return deadline;
  };
}

/**
 * How long a call may take, and whether its client still waits for it.
 *
 * The time for the body of the request to arrive has a limit of its own, which begins when the body is
 * asked for. Both limits share one timer.
 */
export class Deadline {
  readonly #endsAt: number;
  #timer: NodeJS.Timeout | undefined;
  /** Until when the body may arrive; infinite while it is not being read. */
  #bodyEndsAt = Number.POSITIVE_INFINITY;
  #over: Error | undefined;
  #controller: AbortController | undefined;
  #onOver: ((reason: ConnectError) => void) | undefined;

  constructor(timeoutMs: number, onOver: (reason: ConnectError) => void) {
    this.#endsAt = performance.now() + timeoutMs;
    this.#onOver = onOver;
  }

  /** Set the timer, unless the call is over already. */
  watch(): void {
    if (this.#over === undefined) this.#wait(performance.now());
  }

  #wait(now: number): void {
    const ms = Math.max(0, Math.min(this.#endsAt, this.#bodyEndsAt) - now);
    this.#timer = setTimeout(Deadline.#tick, ms, this);
  }

  static #tick(this: void, deadline: Deadline): void {
    const now = performance.now();
    // A timer may fire a fraction of a millisecond early.
    if (deadline.#endsAt - now < 1) deadline.cancel(deadlineExceeded());
    else if (deadline.#bodyEndsAt - now >= 1) deadline.#wait(now);
    else setImmediate(Deadline.#refuseSlow, deadline);
  }

  /** In the same turn, but after the sockets were read: what came while the process stood still is in time. */
  static #refuseSlow(this: void, deadline: Deadline): void {
    if (deadline.aborted) return;
    const now = performance.now();
    if (deadline.#bodyEndsAt > now) deadline.#wait(now);
    else deadline.cancel(refusal("bodyTooSlow", "the request body came too slowly"));
  }

  /** The body is asked for: from now on its own limit counts, too. */
  beginBody(): void {
    const now = performance.now();
    this.#bodyEndsAt = now + bodyTimeoutMs;
    if (this.#timer === undefined || this.#over !== undefined) return;
    clearTimeout(this.#timer);
    this.#wait(now);
  }

  /** The body has arrived: from now on only the deadline counts. */
  endBody(): void {
    this.#bodyEndsAt = Number.POSITIVE_INFINITY;
  }

  /** Aborted when the time is over, the client has gone or the call has ended. */
  get signal(): AbortSignal {
    // Made when it is first asked for, because most handlers never use it.
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#over !== undefined) this.#controller.abort(this.#over);
    }
    return this.#controller.signal;
  }

  /** As `signal.aborted`, without making a signal. */
  get aborted(): boolean {
    return this.#over !== undefined;
  }

  /** As `signal.reason`. */
  get reason(): unknown {
    return this.#over;
  }

  /** Milliseconds left, at least 0. */
  remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** @param reason Given to `onOver` and to the signal, if the call is not over already. */
  cancel(reason: ConnectError): void {
    const onOver = this.#onOver;
    if (this.#finish(reason)) onOver?.(reason);
  }

  /** The call is answered: stop the clock. */
  end(): void {
    this.#finish(ended);
  }

  #finish(reason: Error): boolean {
    if (this.#over !== undefined) return false;
    this.#over = reason;
    // The list of young calls may keep this object for a while. It must not keep the call as well.
    this.#onOver = undefined;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#controller?.abort(reason);
    return true;
  }
}

/** The error of a call whose time is over. */
export function deadlineExceeded(): ConnectError {
  return refusal("deadlineExceeded", "deadline exceeded");
}
