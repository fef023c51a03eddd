/**
 * Cut the first JSON value out of a text and leave what follows it, as the decoder of ZITADEL's
 * gateway does. A text of nothing but white space counts as `{}`.
 *
 * This only finds the end of the value. Give the result to `fromJsonString`, which refuses bad syntax and
 * duplicate keys; `JSON.parse` and `fromJson` would accept duplicate keys and take the last one. A result of
 * good syntax is exactly one value, also inside `{"field": …}`.
 *
 * @throws SyntaxError if no value begins there, or if it does not end.
 */
export function firstJsonValue(text: string): string {
  const start = text.search(/[^ \t\n\r]/);
  if (start === -1) return "{}";

  const scalar = /[-+.\w]+/y;
  scalar.lastIndex = start;
  if (scalar.test(text)) return text.slice(start, scalar.lastIndex);
  if (!'{["'.includes(text.charAt(start))) {
    throw new SyntaxError(`no JSON value at position ${start}`);
  }

  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') inString = !inString;
    else if (inString) at += character === "\\" ? 1 : 0;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    if (depth === 0 && !inString) return text.slice(start, at + 1);
  }
  throw new SyntaxError("the JSON value does not end");
}
