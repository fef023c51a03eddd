/**
 * The members of a JSON object that are not null, because some providers write null for a member that
 * is absent. Nested objects are not changed.
 */
export function presentMembers(
  document: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null));
}
