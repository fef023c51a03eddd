import { Buffer, isUtf8 } from "node:buffer";
import { maxLineBytes } from "./line-batches.ts";

/** A line of a text; `undefined` if it is too long or not UTF-8. */
export type TextLine = { readonly number: number; readonly text: string | undefined };

const lineEnd = 0x0a;

/** A byte order mark may begin any line, because files may have been concatenated. */
export function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/**
 * The lines of a text, those of each chunk together. Blank ones are left out. Holds one line and one chunk.
 *
 * @returns With the bytes that were read.
 */
export async function* textLines(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<{ readonly lines: readonly TextLine[]; readonly bytes: number }> {
  let pieces: Buffer[] = [];
  let held = 0;
  let number = 0;
  let bytes = 0;
  const take = (piece: Buffer) => {
    held += piece.byteLength;
    if (held <= maxLineBytes) pieces.push(piece);
    else pieces = [];
  };
  const end = (): TextLine[] => {
    const whole = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    const isWhole = held <= maxLineBytes && whole !== undefined && isUtf8(whole);
    pieces = [];
    held = 0;
    number += 1;
    const text = isWhole ? withoutMark(whole.toString()) : undefined;
    return text?.trim() === "" ? [] : [{ number, text }];
  };
  for await (const chunk of chunks) {
    const lines: TextLine[] = [];
    let at = 0;
    for (let found = chunk.indexOf(lineEnd); found !== -1; found = chunk.indexOf(lineEnd, at)) {
      take(chunk.subarray(at, found));
      at = found + 1;
      lines.push(...end());
    }
    if (at < chunk.byteLength) take(chunk.subarray(at));
    bytes += chunk.byteLength;
    yield { lines, bytes };
  }
  if (held > 0) yield { lines: end(), bytes };
}
