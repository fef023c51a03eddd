import { Buffer } from "node:buffer";

const seed = 0x9e3779b9 + 3_923_095;

/** The three numbers that the hash is made in. */
type Mix = { a: number; b: number; c: number };

const rotated = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/**
 * The hash that PostgreSQL gives a text: its function `hash_bytes`, which is Bob Jenkins' lookup3, on a machine that
 * stores the low byte of a number first. Citus finds the shard of a row by it.
 */
export function hashText(text: string): number {
  const bytes = Buffer.from(text);
  const start = (seed + bytes.length) | 0;
  const mix: Mix = { a: start, b: start, c: start };
  let at = 0;
  for (; bytes.length - at >= 12; at += 12) {
    mix.a = (mix.a + bytes.readInt32LE(at)) | 0;
    mix.b = (mix.b + bytes.readInt32LE(at + 4)) | 0;
    mix.c = (mix.c + bytes.readInt32LE(at + 8)) | 0;
    stir(mix);
  }
  // Its lowest byte is kept for the length, so the last bytes are one place higher there.
  const rest = Buffer.alloc(12);
  bytes.copy(rest, 0, at, Math.min(at + 8, bytes.length));
  if (bytes.length > at + 8) bytes.copy(rest, 9, at + 8);
  mix.a = (mix.a + rest.readInt32LE(0)) | 0;
  mix.b = (mix.b + rest.readInt32LE(4)) | 0;
  mix.c = (mix.c + rest.readInt32LE(8)) | 0;
  finish(mix);
  return mix.c;
}

function stir(mix: Mix): void {
  let { a, b, c } = mix;
  a = ((a - c) | 0) ^ rotated(c, 4);
  c = (c + b) | 0;
  b = ((b - a) | 0) ^ rotated(a, 6);
  a = (a + c) | 0;
  c = ((c - b) | 0) ^ rotated(b, 8);
  b = (b + a) | 0;
  a = ((a - c) | 0) ^ rotated(c, 16);
  c = (c + b) | 0;
  b = ((b - a) | 0) ^ rotated(a, 19);
  a = (a + c) | 0;
  c = ((c - b) | 0) ^ rotated(b, 4);
  b = (b + a) | 0;
  Object.assign(mix, { a, b, c });
}

function finish(mix: Mix): void {
  let { a, b, c } = mix;
  c = ((c ^ b) - rotated(b, 14)) | 0;
  a = ((a ^ c) - rotated(c, 11)) | 0;
  b = ((b ^ a) - rotated(a, 25)) | 0;
  c = ((c ^ b) - rotated(b, 16)) | 0;
  a = ((a ^ c) - rotated(c, 4)) | 0;
  b = ((b ^ a) - rotated(a, 14)) | 0;
  c = ((c ^ b) - rotated(b, 24)) | 0;
  Object.assign(mix, { a, b, c });
}
