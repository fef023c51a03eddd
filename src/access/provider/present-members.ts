/**
 * The members of a JSON object that have a value: some providers write null for a member that is
 * absent. Only the object's own members; what is nested stays as it is.
 */
export function presentMembers(
  document: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null));
}
