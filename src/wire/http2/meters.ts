/**
 * Something that a client may do so often at once, and then so often a second. It is refilled when it is used, so
 * it needs no timer.
 */
export class Meter {
  readonly #capacity: number;
  readonly #perSecond: number;
  #left: number;
  #countedAt = 0;

  constructor({ atOnce, perSecond }: MeterLimits) {
    this.#capacity = atOnce;
    this.#perSecond = perSecond;
    this.#left = atOnce;
  }

  /**
   * @param now In milliseconds.
   * @returns Whether it is within the limits.
   */
  take(now: number): boolean {
    const refilled = this.#left + ((now - this.#countedAt) * this.#perSecond) / 1_000;
    this.#left = Math.min(this.#capacity, refilled) - 1;
    this.#countedAt = now;
    return this.#left >= 0;
  }

  /** The client has earned one more. */
  earn(): void {
    if (this.#left < this.#capacity) this.#left += 1;
  }

  /** The client has earned all of it. */
  fill(): void {
    this.#left = this.#capacity;
  }
}

/** How often something may happen. */
export type MeterLimits = { readonly atOnce: number; readonly perSecond: number };
