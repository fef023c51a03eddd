import type { Writable } from "node:stream";
import {
  type ClientLimits,
  clientLimits,
  clientLookMs,
  farewellMs,
  pieceBytes,
} from "../limits.ts";
import { createShares, type Share } from "./shares.ts";

/** The answers that are being sent. */
export type Unsent = {
  /**
   * @param client Which client should read it: see `addressGroup`.
   * @param abort Breaks the answer off. It is called again until `end` is called, and must then do more than
   *   a reset, because a reset also waits behind what the client does not read.
   */
  begin(client: string, abort: () => void): UnsentAnswer;
  stop(): void;
};

/** One answer, sent whole or in parts. */
export type UnsentAnswer = {
  /**
   * So many bytes more will be handed over.
   *
   * @returns Whether to go on. If not, the answer has ended or was broken off.
   */
  hand(bytes: number): boolean;
  /**
   * Only what ends the answer will be handed over. It waits until `end` is called.
   *
   * @returns As `hand` does.
   */
  handLast(): boolean;
  /** The system has taken so many of the bytes, and has room for more. */
  took(bytes: number): void;
  /** The answer is over, whether or not it was taken. Nothing can be handed over any more. */
  end(): void;
};

/** What an answer takes in memory beside its body: head, trailers and the objects around them. */
const headBytes = 4096;

/**
 * Break off answers that their clients do not read: an answer of which nothing was taken for a while, and when
 * all together are too large, the largest answers of the client that has the most waiting.
 *
 * A stream that has nothing to send at the moment is not waiting, however long that takes.
 */
export function createUnsent({
  maxUnsentBytes,
  maxUnsentBytesEach,
  unsentTimeoutMs,
}: Pick<
  ClientLimits,
  "maxUnsentBytes" | "maxUnsentBytesEach" | "unsentTimeoutMs"
> = clientLimits): Unsent {
  const shares = createShares(maxUnsentBytes, maxUnsentBytesEach);
  const waiting = new Set<Waiting>();
  let now = performance.now();

  class Waiting implements UnsentAnswer {
    readonly #client: string;
    readonly #abort: () => void;
    #share: Share | undefined;
    #left = 0;
    #movedAt = now;
    #isLast = false;
    #isBroken = false;
    #isOver = false;

    constructor(client: string, abort: () => void) {
      this.#client = client;
      this.#abort = abort;
    }

    hand(bytes: number): boolean {
      // A handler may still write when its client has gone.
      if (this.#isOver) return false;
      this.#left += bytes;
      this.#movedAt = now;
      waiting.add(this);
      this.#share?.end();
      const share = shares.take(this.#client, headBytes + this.#left, () => {
        this.#break();
        // Its memory is needed now, so this cannot wait for the next look.
        setTimeout(() => this.look(), farewellMs);
      });
      this.#share = share;
      if (share === undefined) this.#break();
      return !this.#isBroken;
    }

    handLast(): boolean {
      this.#isLast = true;
      return this.hand(0);
    }

    took(bytes: number): void {
      this.#movedAt = now;
      this.#left -= bytes;
      this.#share?.shrink(bytes);
      if (this.#left === 0 && !this.#isLast) this.#rest();
    }

    end(): void {
      this.#isOver = true;
      this.#rest();
    }

    #rest(): void {
      waiting.delete(this);
      this.#share?.end();
      this.#share = undefined;
    }

    look(): void {
      if (!waiting.has(this)) return;
      if (this.#isBroken || now - this.#movedAt >= unsentTimeoutMs) this.#break();
    }

    #break(): void {
      this.#isBroken = true;
      this.#abort();
    }
  }

  const timer = setInterval(
    () => {
      now = performance.now();
      for (const answer of waiting) answer.look();
    },
    Math.min(clientLookMs, unsentTimeoutMs / 4),
  ).unref();

  return {
    begin: (client, abort) => new Waiting(client, abort),
    stop: () => clearInterval(timer),
  };
}

/**
 * Write a body in pieces, so that it shows whether the client reads. The stream is not ended.
 *
 * @param took Called with the size of each piece that the stream has written.
 * @param last Called instead of writing the last piece.
 */
export function writeInPieces(
  stream: Writable,
  body: Uint8Array,
  took: (bytes: number) => void,
  last: (piece: Uint8Array) => void,
): void {
  const from = (start: number): void => {
    const end = start + pieceBytes;
    if (end >= body.byteLength) {
      last(body.subarray(start));
      return;
    }
    stream.write(body.subarray(start, end), () => {
      took(pieceBytes);
      // Go on after a failure, too: the last piece will then fail and report it.
      from(end);
    });
  };
  from(0);
}

/**
 * Write one part of an answer that is sent in parts.
 *
 * @returns Resolves when the part was taken; rejects if the client has gone or does not read.
 */
export function writeTracked(
  stream: Writable,
  chunk: Uint8Array,
  sending: UnsentAnswer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stream.destroyed || !sending.hand(chunk.byteLength)) {
      reject(new Error("the client has gone, or does not read"));
      return;
    }
    const took = (bytes: number) => sending.took(bytes);
    writeInPieces(stream, chunk, took, (last) => {
      stream.write(last, (error) => {
        sending.took(last.byteLength);
        if (error) reject(error);
        else resolve();
      });
    });
  });
}
