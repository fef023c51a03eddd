/** The longest code point in UTF-8. */
const longestCharacter = 4;

/** Of a folded text: what an index holds, and what is kept beside it; `null`: it holds the whole text. */
export type KeyParts = { readonly folded: string; readonly rest: string | null };

/**
 * Cut a folded text, between two characters, so that its first part fits an index.
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

/** Whether a text is so long that it may be, or begin with, the first part of a text that was cut. */
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
