/** Flow control (RFC 9113, section 5.2): what one side may still send. */

/** The largest window (section 6.9.1). */
export const maxWindow = 0x7fffffff;

/** The window of a stream and of a connection at the beginning (section 6.9.2). */
export const firstWindow = 65_535;

/** What we may send. A window may become negative when the client changes its settings (section 6.9.2). */
export class SendWindow {
  left: number;

  constructor(left: number) {
    this.left = left;
  }

  /** @returns False if that would be more than the largest window (section 6.9.1). */
  grow(by: number): boolean {
    if (this.left + by > maxWindow) return false;
    this.left += by;
    return true;
  }
}

/** What the client may send. It gets credit once it has used half, so that few frames are needed for that. */
export class ReceiveWindow {
  readonly #size: number;
  #left: number;
  /** What was used up, and for which no credit was given yet. */
  #used = 0;

  /** @param size What the client may send at most before it needs credit. */
  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** Something came. @returns False if that was more than the client may send (section 6.9.1). */
  receive(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** So much of what came needs no room any more. @returns The credit to give, or 0. */
  release(bytes: number): number {
    this.#used += bytes;
    if (2 * this.#used < this.#size) return 0;
    const credit = this.#used;
    this.#left += credit;
    this.#used = 0;
    return credit;
  }
}
