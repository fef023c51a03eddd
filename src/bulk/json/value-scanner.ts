import { Buffer } from "node:buffer";

/** Finds the end of one value of JSON, whose bytes come in pieces. */
export type ValueScanner = {
  /**
   * @param at Where the value begins or goes on in the chunk.
   * @returns Where it ended; `undefined` if the chunk ended before.
   */
  scan(chunk: Buffer, at: number): number | undefined;
  /** The value; `undefined` if it is longer or deeper than it may be. */
  json(): Buffer | undefined;
  /** Bytes that were read of it. */
  length(): number;
  /** Whether it is a number or a literal, which end with what follows. */
  isScalar(): boolean;
};

const quote = 0x22;
const backslash = 0x5c;

/**
 * Brackets are counted and texts are followed. Whether the value is JSON is found out by whoever parses it.
 *
 * @param maxBytes A longer value is not kept; 0: none is.
 * @param maxDepth A value that is nested deeper is not kept.
 */
export function createValueScanner(maxBytes: number, maxDepth: number): ValueScanner {
  let pieces: Buffer[] = [];
  let length = 0;
  let depth = 0;
  let deepest = 0;
  let inText = false;
  let isEscaped = false;
  let kind: "text" | "container" | "scalar" | undefined;

  /** @returns Behind the value; -1 if it goes on. */
  function endIn(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (inText) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) {
          inText = false;
          if (kind === "text") return at + 1;
        }
        continue;
      }
      if (byte === quote) {
        inText = true;
        kind ??= "text";
        if (kind === "scalar") return at;
      } else if (byte === 0x7b || byte === 0x5b) {
        kind ??= "container";
        if (kind === "scalar") return at;
        depth += 1;
        if (depth > deepest) deepest = depth;
      } else if (byte === 0x7d || byte === 0x5d) {
        if (depth === 0) return at;
        depth -= 1;
        if (depth === 0) return at + 1;
      } else if (depth === 0) {
        kind ??= "scalar";
        if (byte === 0x2c || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)
          return at;
      }
    }
    return -1;
  }

  return {
    scan(chunk, at) {
      const end = endIn(chunk, at);
      const piece = chunk.subarray(at, end === -1 ? chunk.length : end);
      length += piece.length;
      if (length > maxBytes || deepest > maxDepth) pieces = [];
      else pieces.push(piece);
      return end === -1 ? undefined : end;
    },
    json() {
      if (length > maxBytes || deepest > maxDepth) return undefined;
      return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    },
    length: () => length,
    isScalar: () => kind === "scalar",
  };
}
