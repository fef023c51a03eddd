/**
 * White space as `unicode.IsSpace` of Go knows it: Unicode's White_Space. JavaScript's `trim` differs: it
 * removes U+FEFF and keeps U+0085.
 */
const whiteSpace = new Set([
  ...[0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85, 0xa0, 0x1680],
  ...[0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a],
  ...[0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
]);

/** A text without the white space around it, as Go's `strings.TrimSpace` makes it. */
export function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && whiteSpace.has(text.charCodeAt(start))) start += 1;
  while (start < end && whiteSpace.has(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
