import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/**
 * A line longer than this is refused, in bytes. The longest user takes 30 KiB without metadata. All metadata that
 * a user may have takes less than 7 MB, in base64 and with keys all in escapes.
 */
export const maxLineBytes = 8_388_608;

/** A batch with more than this ends early, in bytes. Lines of users without metadata do not come near. */
export const maxBatchBytes = 16_777_216;

/** A place in the input where a batch ends, whatever its size. */
export type Stop = {
  /** Lines up to here. */
  readonly lines: number;
  /** Those of them, since the stop before, that the batch is to have. */
  readonly wanted: ReadonlySet<number>;
};

export type Line = {
  /** From 1. */
  readonly line: number;
  /** Without its end; `undefined` if it is too long. */
  readonly bytes: Buffer | undefined;
};

/** Lines in their order. */
export type LineBatch<At extends Stop> = {
  readonly lines: readonly Line[];
  /** Lines of the input up to here, and their SHA-256 in lower-case hex, each with "\n" behind it. */
  readonly count: number;
  readonly digest: string;
  /** Bytes of the input up to here. */
  readonly bytes: number;
  /** Where the batch was to end; the input may have ended before. `undefined`: behind all stops. */
  readonly stop: At | undefined;
};

const lineEnd = 0x0a;
const lineEndBytes = Buffer.of(lineEnd);

/**
 * Cut an input into batches of lines. Holds one batch at a time, however long input and lines are.
 *
 * @param sizeNow Lines that a batch should have, asked again and again.
 * @param nextStop Stops in their order. A batch for each comes first, with the lines that it wants;
 *   behind the last one every line is wanted.
 */
export async function* lineBatches<At extends Stop>(
  chunks: AsyncIterable<Buffer>,
  sizeNow: () => number,
  nextStop: () => Promise<At | undefined>,
): AsyncGenerator<LineBatch<At>> {
  const hash = createHash("sha256");
  let stop = await nextStop();
  let lines: Line[] = [];
  let linesBytes = 0;
  let count = 0;
  let bytes = 0;
  /** Of the line that the last chunk broke off. */
  let pieces: Buffer[] = [];
  let held = 0;

  const isWanted = () => stop === undefined || stop.wanted.has(count + 1);
  const take = (piece: Buffer) => {
    held += piece.byteLength;
    if (held > maxLineBytes || !isWanted()) return;
    // One line among many that nobody wants must not keep its whole chunk in memory.
    pieces.push(stop === undefined ? piece : Buffer.from(piece));
  };
  const endLine = () => {
    if (isWanted()) {
      const isWhole = held <= maxLineBytes;
      const whole = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
      lines.push({ line: count + 1, bytes: isWhole ? whole : undefined });
      if (isWhole) linesBytes += held;
    }
    pieces = [];
    held = 0;
    count += 1;
  };
  const isFull = () =>
    stop === undefined
      ? lines.length >= sizeNow() || linesBytes >= maxBatchBytes
      : count >= stop.lines;
  const batch = (): LineBatch<At> => {
    const taken = { lines, count, digest: hash.copy().digest("hex"), bytes, stop };
    lines = [];
    linesBytes = 0;
    return taken;
  };

  for await (const chunk of chunks) {
    let at = 0;
    // Of the chunk, so far. Hashing each line by itself would take ten times as long.
    let hashed = 0;
    for (let end = chunk.indexOf(lineEnd); end !== -1; end = chunk.indexOf(lineEnd, at)) {
      take(chunk.subarray(at, end));
      bytes += end + 1 - at;
      at = end + 1;
      endLine();
      if (!isFull()) continue;
      hash.update(chunk.subarray(hashed, at));
      hashed = at;
      yield batch();
      if (stop !== undefined) stop = await nextStop();
    }
    hash.update(chunk.subarray(hashed));
    const rest = chunk.subarray(at);
    if (rest.byteLength > 0) {
      take(rest);
      bytes += rest.byteLength;
    }
  }
  if (held > 0) {
    hash.update(lineEndBytes);
    endLine();
  }
  if (lines.length > 0 || stop !== undefined) yield batch();
}
