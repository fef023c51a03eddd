import { maxEchoBytes } from "./limits.ts";

/**
 * The beginning of a text, in whole characters, with "…" where something was cut off. Takes time for
 * what it returns, not for what it is given.
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

/** What a client sent, as an error may repeat it. Everything that repeats input goes through here. */
export function echo(text: string): string {
  return cut(text, maxEchoBytes);
}

const encoder = new TextEncoder();
const ellipsisBytes = 3;
