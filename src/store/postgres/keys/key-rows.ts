import { keyParts } from "../../search/key-parts.ts";

/**
 * How many bytes of a text in lower case the index holds. A row of a B-tree has at most 2,704 bytes.
 * Beside this text it holds the ids of an organization and of a stream, of up to 800 bytes each, the
 * name of a key, and headers.
 */
export const keyBytes = 1_000;

/** The columns of `search_keys` that hold one text. */
export type KeyTexts = {
  /** In lower case, as much of it as the index holds. */
  readonly folded: string;
  /** What `folded` lacks; `null` if it lacks nothing. */
  readonly rest: string | null;
  /** As it was given; `null` if `folded` alone says the same. */
  readonly text: string | null;
};

/** @param text As it was given; `null` if it is in lower case. */
export function keyTexts(lower: string, text: string | null): KeyTexts {
  const { folded, rest } = keyParts(lower, keyBytes);
  return { folded, rest, text: rest === null ? text : (text ?? lower) };
}
