import { http2Limits } from "../../limits.ts";

/**
 * Something that a client may do so often at once, and then so often a second. It is refilled when it is used, so
 * it needs no timer.
 */
class Meter {
  readonly #limits: MeterLimits;
  #left: number;
  #countedAt = 0;

  constructor(limits: MeterLimits) {
    this.#limits = limits;
    this.#left = limits.atOnce;
  }

  /** @returns Whether it is within the limits. */
  take(now: number, count = 1): boolean {
    const { atOnce, perSecond } = this.#limits;
    const refilled = this.#left + ((now - this.#countedAt) * perSecond) / 1_000;
    this.#left = Math.min(atOnce, refilled) - count;
    this.#countedAt = now;
    return this.#left >= 0;
  }

  /** The client has earned so many more. */
  earn(count: number): void {
    this.#left = Math.min(this.#limits.atOnce, this.#left + count);
  }
}

/**
 * What a client may do for nothing on one connection, and how it earns more. Each function returns whether that is
 * still within the limits; if not, the connection ends. Times are in milliseconds.
 */
export class Meters {
  readonly #resets = new Meter(http2Limits.resets);
  readonly #pings = new Meter(http2Limits.pings);
  readonly #settings = new Meter(http2Limits.settings);
  readonly #oddities = new Meter(http2Limits.oddities);
  #answersAtPing = 0;
  #updatesLeft: number = http2Limits.freeUpdates;
  #dataAtUpdate = 0;
  #emptyDataLeft: number = http2Limits.maxEmptyData;

  /**
   * A stream has ended without an answer, and that is not the server's doing.
   *
   * @param isEarly Before the server could begin with it, or by a fault of the client.
   */
  reset(now: number, isEarly: boolean): boolean {
    return this.#resets.take(now, isEarly ? http2Limits.earlyReset : 1);
  }

  /** A stream was opened. */
  opened(): void {
    this.#updatesLeft += http2Limits.updatesPerStream;
  }

  /** A stream was answered to the end. */
  answered(): void {
    this.#resets.earn(http2Limits.earlyReset);
    // Its client may have sent a reset just before the answer came.
    this.#oddities.earn(1);
  }

  /** @param answerFrames How many HEADERS and DATA frames were sent so far. */
  ping(now: number, answerFrames: number): boolean {
    if (answerFrames !== this.#answersAtPing) this.#pings.earn(http2Limits.pings.atOnce);
    this.#answersAtPing = answerFrames;
    return this.#pings.take(now);
  }

  settings(now: number, count: number): boolean {
    return count <= http2Limits.maxSettings && this.#settings.take(now);
  }

  /** A frame that does nothing. */
  oddity(now: number): boolean {
    return this.#oddities.take(now);
  }

  /** @param dataFrames How many DATA frames were sent so far. */
  windowUpdate(dataFrames: number): boolean {
    this.#updatesLeft += http2Limits.updatesPerData * (dataFrames - this.#dataAtUpdate) - 1;
    this.#dataAtUpdate = dataFrames;
    return this.#updatesLeft >= 0;
  }

  emptyData(): boolean {
    this.#emptyDataLeft -= 1;
    return this.#emptyDataLeft >= 0;
  }
}

type MeterLimits = { readonly atOnce: number; readonly perSecond: number };
