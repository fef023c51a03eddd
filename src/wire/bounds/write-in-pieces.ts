import type { Writable } from "node:stream";
import { pieceBytes } from "../limits.ts";
import type { UnsentAnswer } from "./unsent.ts";

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
