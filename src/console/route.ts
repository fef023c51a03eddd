/** What the page shows, as the part of its address that no server sees: nobody, or one user. */
export function userIdOf(hash: string): string {
  const [, encoded] = /^#\/users\/([^/]+)$/.exec(hash) ?? [];
  if (encoded === undefined) return "";
  try {
    return decodeURIComponent(encoded);
  } catch {
    // Not one of our addresses.
    return "";
  }
}

export function hrefOf(userId: string): string {
  return `#/users/${encodeURIComponent(userId)}`;
}
