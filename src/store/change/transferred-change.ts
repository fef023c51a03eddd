import { randomUUID } from "node:crypto";

/** Where the version of a UUID stands in its text: RFC 9562, section 4.2. */
const versionPlace = 14;
/** Version 8 is free for private use. Changes through the API have version 4. */
const transferredVersion = "8";

/** The id of a change that a transfer writes. */
export function newTransferredChange(): string {
  const id = randomUUID();
  return id.slice(0, versionPlace) + transferredVersion + id.slice(versionPlace + 1);
}

/** Whether a change has been written by a transfer. */
export function isTransferred(change: string): boolean {
  return change[versionPlace] === transferredVersion;
}
