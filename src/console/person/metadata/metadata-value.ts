/**
 * The text of a value of metadata; `undefined` if it is no text: not UTF-8, or with control characters other
 * than tabs and line ends, which a field cannot show.
 */
export function textFrom(value: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    return /[^\P{Cc}\t\n\r]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/**
 * The value of a text that was typed.
 *
 * @param before The text that is stored. A field of the page makes every line end a line feed, so the new
 *   value gets the line ends that the old one began with.
 */
export function valueFrom(text: string, before: string): Uint8Array {
  const [lineEnd = "\n"] = /\r\n?|\n/.exec(before) ?? [];
  return new TextEncoder().encode(text.replaceAll("\n", lineEnd));
}
