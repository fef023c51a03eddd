import { Buffer } from "node:buffer";
import { http2Limits } from "../../limits.ts";
import { ownCopy } from "../own-copy.ts";

/**
 * A field block that comes in several frames (RFC 9113, sections 4.3 and 6.10). It is put together first and decoded
 * once, so that the work does not depend on how it is cut.
 */
export class FieldBlock {
  /** Whose block it is; 0 if none is open. */
  streamId = 0;
  /** Whether its HEADERS frame has END_STREAM. */
  isLast = false;
  /** When it was begun. */
  since = 0;
  #fragments: Buffer[] = [];
  #bytes = 0;

  /** Of the block that is open. */
  get bytes(): number {
    return this.streamId === 0 ? 0 : this.#bytes;
  }

  begin(streamId: number, isLast: boolean, fragment: Buffer, now: number): void {
    this.streamId = streamId;
    this.isLast = isLast;
    this.since = now;
    // A copy: otherwise it would keep all that was read from the socket with it.
    this.#fragments = [ownCopy(fragment)];
    this.#bytes = fragment.length;
  }

  /** @returns False if it is too large, or comes in too many pieces (CVE-2024-27316 and others). */
  add(fragment: Buffer, isEnd: boolean): boolean {
    this.#fragments.push(ownCopy(fragment));
    this.#bytes += fragment.length;
    return (
      this.#bytes <= http2Limits.maxBlockBytes &&
      this.#fragments.length <= 1 + http2Limits.maxContinuations &&
      (isEnd || fragment.length > 0)
    );
  }

  /** All of it. None is open any more. */
  take(): Buffer {
    const whole = Buffer.concat(this.#fragments, this.#bytes);
    this.#fragments = [];
    this.streamId = 0;
    return whole;
  }
}
