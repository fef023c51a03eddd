import { maxEchoBytes } from "./limits.ts";

/**
 * The beginning of a text, in whole characters, with "…" where something was cut off. Takes time in
 * proportion to what it returns, not to what it is given.
 *
 * @param maxBytes Of the result in UTF-8.
 */
export function cut(text: string, maxBytes: number): string {
  // No UTF-16 unit takes more than 3 bytes.
  if (3 * text.length <= maxBytes) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(maxBytes));
  if (read === text.length) return text;
  const { read: kept } = encoder.encodeInto(text, new Uint8Array(maxBytes - ellipsisBytes));
  return `${text.slice(0, kept)}…`;
}

/** What a client sent, cut so that an error may repeat it. Every error that repeats input uses this. */
export function echo(text: string): string {
  return cut(text, maxEchoBytes);
}

const encoder = new TextEncoder();
const ellipsisBytes = 3;
