import type { ConnectError } from "@connectrpc/connect";

/**
 * Keep what is made of an error that is frozen, because such an error is thrown again and again and never changes:
 * refusals of calls that have no token. What is made of any other error is made anew.
 *
 * @param make Its result must not be changed either.
 */
export function keep<Result>(
  make: (error: ConnectError) => Result,
): (error: ConnectError) => Result {
  const results = new WeakMap<ConnectError, { readonly made: Result }>();
  return (error) => {
    if (!Object.isFrozen(error)) return make(error);
    const known = results.get(error);
    if (known !== undefined) return known.made;
    const made = make(error);
    results.set(error, { made });
    return made;
  };
}
