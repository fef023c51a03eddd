/** The longest code point in UTF-8. */
const longestCharacter = 4;

/**
 * A text in lower case: `folded` is what the index holds, and `rest` is what is kept beside it; `null` if the
 * index holds the whole text. Both are named after their columns.
 */
export type KeyParts = { readonly folded: string; readonly rest: string | null };

/**
 * Cut a text in lower case, between two characters, so that its first part fits into an index.
 *
 * @param maxBytes In UTF-8, of the first part.
 */
export function keyParts(text: string, maxBytes: number): KeyParts {
  if (isSurelyWithin(text, maxBytes) || Buffer.byteLength(text) <= maxBytes) {
    return { folded: text, rest: null };
  }
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return { folded: text.slice(0, end), rest: text.slice(end) };
}

/** Whether a text is long enough to be, or to begin with, the first part of a text that was cut. */
export function reachesCut(text: string, maxBytes: number): boolean {
  const least = leastCutBytes(maxBytes);
  return !isSurelyWithin(text, least - 1) && Buffer.byteLength(text) >= least;
}

/** The first part of a text that was cut has at least so many bytes. */
export function leastCutBytes(maxBytes: number): number {
  return maxBytes - longestCharacter + 1;
}

/** Without counting: a UTF-16 unit is three bytes at most. */
function isSurelyWithin(text: string, maxBytes: number): boolean {
  return text.length * 3 <= maxBytes;
}
