/** People cannot be imported or exported, and the message says why. Printed without a stack. */
export class BulkError extends Error {
  override readonly name = "BulkError";
}
