/** Clients send a handful of content types. A result beyond these is computed again each time. */
const maxResults = 32;

/**
 * Memoize a pure function for the first 32 texts that it is given.
 *
 * For headers that nearly all requests have in common. Nothing is ever evicted, so a client that sends
 * many texts cannot push out those of others.
 */
export function memoize<Result>(compute: (text: string) => Result): (text: string) => Result {
  const results = new Map<string, Result>();
  return (text) => {
    const known = results.get(text);
    if (known !== undefined || results.has(text)) return known as Result;
    const computed = compute(text);
    if (results.size < maxResults) results.set(text, computed);
    return computed;
  };
}
