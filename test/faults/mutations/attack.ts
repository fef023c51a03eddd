import type { Random } from "../random.ts";
import type { Target } from "./calls.ts";

/** What one connection does. */
export type Case = {
  /** Bytes that are written one after another. */
  readonly writes: readonly Uint8Array[];
  /** How many mutated requests they hold. A connection that holds no request counts as one mutated opening. */
  readonly requests: number;
  /** The connection is closed after so many answers. Default: as many as there are requests. */
  readonly answers?: number;
  /** Speak TLS first, offering these protocols. */
  readonly alpn?: readonly string[];
  /** The pause between two writes, in milliseconds. Default: none. */
  readonly pauseMs?: number;
  /** How to end the connection after the last write, without waiting for an answer. Default: wait. */
  readonly leave?: "reset" | "half-close";
  /**
   * What the server has to do within its own time limits: "an end" is all answers, or the end of the
   * connection; "a refusal" is that, without a success. Default: nothing, and the connection is closed when
   * nothing happens any more.
   */
  readonly owes?: "an end" | "a refusal";
};

/** One family of attacks. */
export type Attack = {
  /** Begins with its row in the list of threats. */
  readonly name: string;
  /** Which server: the one without TLS or the one with it. */
  readonly door: "plain" | "tls";
  /** Its share among all cases, or for rare ones a number of connections. */
  readonly amount: { readonly share: number } | { readonly times: number };
  readonly make: (random: Random, target: Target) => Case;
};

/** Split bytes into writes at random places, so that reads of the server end anywhere. */
export function split(bytes: Buffer, random: Random): Buffer[] {
  if (!random.oneIn(4)) return [bytes];
  const writes: Buffer[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const end = at + 1 + random.int(Math.max(1, Math.ceil(bytes.byteLength / 3)));
    writes.push(bytes.subarray(at, end));
    at = end;
  }
  return writes;
}

/** Change some bytes somewhere: flip, insert, delete, repeat, overwrite or cut. */
export function mutate(bytes: Buffer, random: Random, words: readonly string[]): Buffer {
  let mutated = bytes;
  for (let left = 1 + random.int(4); left > 0; left -= 1)
    mutated = mutateOnce(mutated, random, words);
  return mutated;
}

function mutateOnce(bytes: Buffer, random: Random, words: readonly string[]): Buffer {
  const at = random.int(bytes.byteLength + 1);
  const end = at + random.int(16);
  const before = bytes.subarray(0, at);
  switch (random.int(7)) {
    case 0:
      return Buffer.concat([before, random.bytes(1), bytes.subarray(at + 1)]);
    case 1:
      return Buffer.concat([before, random.bytes(1 + random.int(8)), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([before, bytes.subarray(end)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([before, Buffer.from(random.pick(words), "latin1"), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([
        before,
        Buffer.from(random.pick(words), "latin1"),
        bytes.subarray(end),
      ]);
    default:
      return random.oneIn(4) ? Buffer.from(before) : flip(bytes, at, random);
  }
}

function flip(bytes: Buffer, at: number, random: Random): Buffer {
  const flipped = Buffer.from(bytes);
  if (at < flipped.byteLength) flipped[at] = (flipped[at] ?? 0) ^ (1 << random.int(8));
  return flipped;
}
