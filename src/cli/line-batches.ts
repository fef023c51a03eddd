import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** A line longer than this is refused, in bytes: the longest user takes 30 KiB, all in escapes. */
export const maxLineBytes = 65_536;

/** Lines that follow one another. */
export type LineBatch = {
  /** Number of the first line, from 1. */
  readonly first: number;
  /** Without their ends; `undefined` for a line that is too long. */
  readonly lines: readonly (Buffer | undefined)[];
  /** Lines up to here, and their SHA-256 in lower-case hex, each with "\n" behind it. */
  readonly count: number;
  readonly digest: string;
  /** Bytes of the input up to here. */
  readonly bytes: number;
};

const lineEnd = 0x0a;
const lineEndBytes = Buffer.of(lineEnd);

/**
 * Cut an input into batches of lines. Holds one batch at a time, however long input and lines are.
 *
 * @param sizeNow Lines that a batch should have, asked again and again.
 * @param skip Lines that make a batch of their own at the beginning, of any number, whose text is not
 *   kept: only `count`, `digest` and `bytes` tell of it.
 */
export async function* lineBatches(
  chunks: AsyncIterable<Buffer>,
  sizeNow: () => number,
  skip: number,
): AsyncGenerator<LineBatch> {
  const hash = createHash("sha256");
  let lines: (Buffer | undefined)[] = [];
  let first = 1;
  let count = 0;
  let bytes = 0;
  /** Of the line that the last chunk broke off. */
  let pieces: Buffer[] = [];
  let held = 0;

  const take = (piece: Buffer) => {
    hash.update(piece);
    held += piece.byteLength;
    if (count >= skip && held <= maxLineBytes) pieces.push(piece);
  };
  const endLine = () => {
    hash.update(lineEndBytes);
    if (count >= skip) {
      const isWhole = held <= maxLineBytes;
      lines.push(isWhole ? (pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)) : undefined);
    }
    pieces = [];
    held = 0;
    count += 1;
  };
  const batch = (): LineBatch => {
    const taken = { first, lines, count, digest: hash.copy().digest("hex"), bytes };
    first = count + 1;
    lines = [];
    return taken;
  };

  for await (const chunk of chunks) {
    let at = 0;
    for (let end = chunk.indexOf(lineEnd); end !== -1; end = chunk.indexOf(lineEnd, at)) {
      take(chunk.subarray(at, end));
      bytes += end + 1 - at;
      at = end + 1;
      endLine();
      if (count === skip || (count > skip && count - first + 1 >= sizeNow())) yield batch();
    }
    const rest = chunk.subarray(at);
    if (rest.byteLength > 0) {
      take(rest);
      bytes += rest.byteLength;
    }
  }
  if (held > 0) endLine();
  if (count >= first || count < skip) yield batch();
}
