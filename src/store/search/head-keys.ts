/**
 * Keys that the index has no rows for, or not always. The texts of those that the head of a stream carries are in lower
 * case as they are.
 */

/** The name of a key that every searchable stream has. Its text is `""`, so it sorts by ids. */
export const everyStream = "";

/** The name of the key whose texts are few. How many streams have each is counted with every change. */
export const statusKey = "state";

/** The status of nearly all streams. The index of statuses has only the others. */
export const commonStatus = "active";

/** The name of the key for the creation date, in microseconds, with as many digits as `momentDigits`. */
export const creationKey = "createdAt";

/** Every moment has as many digits, so that texts sort like numbers. */
export const momentDigits = 16;

/** The sparse keys that step 14 of the schema brought. */
export const keysOfStep14: readonly string[] = [
  ...["plainUserName", "plainFirstName", "plainLastName", "plainNickName"],
  ...["plainDisplayName", "plainEmail"],
];

/** Keys that few streams have: an empty text has no row, so searches cannot sort by them. */
const sparseKeys: ReadonlySet<string> = new Set(["phone", ...keysOfStep14]);

/** Whether streams with an empty text of a key have no row. */
export function isSparse(name: string): boolean {
  return sparseKeys.has(name);
}

/** Whether the index has a row for a text of a key. */
export function hasRow(name: string, text: string): boolean {
  return !isHeadKey(name) && (text !== "" || !isSparse(name));
}

/** Whether the head carries a key. */
export function isHeadKey(name: string): boolean {
  return name === everyStream || name === statusKey || name === creationKey;
}
