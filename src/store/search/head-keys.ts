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

/** The name of a key that few streams have: an empty text has no row, so searches cannot sort by it. */
export const sparseKey = "phone";

/** Whether the index has a row for a text of a key. */
export function hasRow(name: string, text: string): boolean {
  return !isHeadKey(name) && (name !== sparseKey || text !== "");
}

/** Whether the head carries a key. */
export function isHeadKey(name: string): boolean {
  return name === everyStream || name === statusKey || name === creationKey;
}
