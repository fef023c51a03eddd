import { encodeHuffman } from "./huffman.ts";

/**
 * Write an integer (RFC 7541, section 5.1).
 *
 * @param prefix How many bits of the first byte it has. Those before it are in `first`.
 * @returns Where it ends.
 */
export function writeInteger(
  to: Uint8Array,
  at: number,
  first: number,
  prefix: number,
  value: number,
): number {
  const max = (1 << prefix) - 1;
  if (value < max) {
    to[at] = first | value;
    return at + 1;
  }
  to[at] = first | max;
  let next = at + 1;
  let rest = value - max;
  for (; rest >= 0x80; rest >>>= 7) to[next++] = (rest & 0x7f) | 0x80;
  to[next] = rest;
  return next + 1;
}

/** @returns Where the copy ends. */
export function copyBytes(to: Uint8Array, at: number, bytes: Uint8Array): number {
  // For a few bytes faster than `set`.
  for (let index = 0; index < bytes.length; index++) to[at + index] = bytes[index] as number;
  return at + bytes.length;
}

/**
 * Write a text without Huffman (RFC 7541, section 5.2), as latin1. A character that no value may have
 * (RFC 9113, section 8.2.1) becomes "?", so that whoever can choose a part of a text cannot add a line to it. Blanks
 * at its ends, which no value may have either, are left out.
 *
 * @returns Where it ends.
 */
export function writeText(to: Uint8Array, at: number, untrimmed: string): number {
  const text = trimBlanks(untrimmed);
  const from = writeInteger(to, at, 0x00, 7, text.length);
  for (let index = 0; index < text.length; index++) to[from + index] = safe(text.charCodeAt(index));
  return from + text.length;
}

function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return end - start === text.length ? text : text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function safe(code: number): number {
  const isAllowed = code >= 0x20 ? code <= 0xff && code !== 0x7f : code === 0x09;
  return isAllowed ? code : 0x3f;
}

/** A text as `writeText` writes it, or with Huffman if that is shorter. Slow: for what is encoded once. */
export function textBytes(text: string): Buffer {
  const room = Buffer.alloc(text.length + maxIntegerBytes);
  const plain = room.subarray(0, writeText(room, 0, text));
  const length = trimBlanks(text).length;
  const code = encodeHuffman(plain.subarray(plain.length - length));
  if (code.length >= length) return plain;
  const head = Buffer.alloc(maxIntegerBytes);
  return Buffer.concat([head.subarray(0, writeInteger(head, 0, 0x80, 7, code.length)), code]);
}

/** The first byte and what continues it, up to 2^28. */
export const maxIntegerBytes = 5;
