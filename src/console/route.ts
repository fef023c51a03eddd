/**
 * The id of the user that the page shows; empty for nobody.
 *
 * @param hash The fragment of the address of the page, which is never sent to the server.
 */
export function userIdOf(hash: string): string {
  const [, encoded] = /^#\/users\/([^/]+)$/.exec(hash) ?? [];
  if (encoded === undefined) return "";
  try {
    return decodeURIComponent(encoded);
  } catch {
    // The fragment is not one that `hrefOf` has made.
    return "";
  }
}

/** The link that shows a user. */
export function hrefOf(userId: string): string {
  return `#/users/${encodeURIComponent(userId)}`;
}
