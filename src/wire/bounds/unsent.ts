import { type ClientLimits, clientLimits, clientLookMs, farewellMs } from "../limits.ts";
import { createShares, type Share, type Shares } from "./shares.ts";

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
  const all: AllUnsent = {
    shares: createShares(maxUnsentBytes, maxUnsentBytesEach),
    waiting: new Set(),
    timeoutMs: unsentTimeoutMs,
    now: performance.now(),
  };
  const timer = setInterval(
    () => {
      all.now = performance.now();
      for (const answer of all.waiting) answer.look();
    },
    Math.min(clientLookMs, unsentTimeoutMs / 4),
  ).unref();

  return {
    begin: (client, abort) => new Waiting(all, client, abort),
    stop: () => clearInterval(timer),
  };
}

/** What the answers of a server have in common. */
type AllUnsent = {
  readonly shares: Shares;
  /** Those of which the system has not taken everything. */
  readonly waiting: Set<Waiting>;
  readonly timeoutMs: number;
  /** The time of the last look. Precise enough, and cheaper than to ask for each answer. */
  now: number;
};

class Waiting implements UnsentAnswer {
  readonly #all: AllUnsent;
  readonly #client: string;
  readonly #abort: () => void;
  #share: Share | undefined;
  #left = 0;
  #movedAt: number;
  #isLast = false;
  #isBroken = false;
  #isOver = false;

  constructor(all: AllUnsent, client: string, abort: () => void) {
    this.#all = all;
    this.#client = client;
    this.#abort = abort;
    this.#movedAt = all.now;
  }

  hand(bytes: number): boolean {
    // A handler may still write when its client has gone.
    if (this.#isOver) return false;
    const { shares, waiting, now } = this.#all;
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
    this.#movedAt = this.#all.now;
    this.#left -= bytes;
    this.#share?.shrink(bytes);
    if (this.#left === 0 && !this.#isLast) this.#rest();
  }

  end(): void {
    this.#isOver = true;
    this.#rest();
  }

  #rest(): void {
    this.#all.waiting.delete(this);
    this.#share?.end();
    this.#share = undefined;
  }

  /** Break the answer off if it has not moved for too long. */
  look(): void {
    const { waiting, timeoutMs, now } = this.#all;
    if (!waiting.has(this)) return;
    if (this.#isBroken || now - this.#movedAt >= timeoutMs) this.#break();
  }

  #break(): void {
    this.#isBroken = true;
    this.#abort();
  }
}
