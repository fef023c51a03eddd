/** Clients send a handful of content types. Who sends more is served as well, a little slower. */
const maxRemembered = 32;

/**
 * Remember what a pure function makes of the first 32 texts that it is given.
 *
 * For headers that nearly all requests have in common: nothing is ever forgotten, so nobody can
 * push out what others send.
 */
export function remembering<Result>(compute: (text: string) => Result): (text: string) => Result {
  const known = new Map<string, Result>();
  return (text) => {
    const result = known.get(text);
    if (result !== undefined || known.has(text)) return result as Result;
    const computed = compute(text);
    if (known.size < maxRemembered) known.set(text, computed);
    return computed;
  };
}
