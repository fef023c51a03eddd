import type { DatabaseSync } from "node:sqlite";
import type { ReceiptName } from "../../receipts.ts";
import { bytesFromName, rangeOfOwner } from "./receipt-names.ts";

/** Finds receipts by their names, for a connection that reads. */
export type LatestNames = {
  /** Position of the receipt of a name; `undefined` if there is none. */
  find(name: ReceiptName): number | undefined;
  /** Receipts of an owner. Counts no further than to `limit`, but for names that wait. */
  count(owner: string, limit: number): number;
};

/**
 * Prepare to find receipts: most names are sorted, and others wait. This reads the log of receipts as far as names wait
 * there, each receipt once. What it remembers are hints: each is looked up before it is believed, so it does no harm that
 * receipts are removed meanwhile.
 */
export function createLatestNames(db: DatabaseSync): LatestNames {
  const selectSorting = db.prepare("select position from receipt_sorting");
  const selectNew = db.prepare(
    "select position, name from receipts where position > ? order by position",
  );
  const isThere = db.prepare("select 1 from receipts where position = ? and name = ?");
  const selectSorted = db.prepare("select position from receipt_names where name = ?");
  const countSorted = db.prepare(
    `select count(*) as receipts from (
       select 1 from receipt_names where name between ? and ? limit ?)`,
  );
  /** By name, with one character for each byte. */
  const positions = new Map<string, number>();
  let sortedTo = 0;
  /** Position of the latest receipt that is known. */
  let seen = 0;

  function refresh(): void {
    const before = sortedTo;
    sortedTo = Number(selectSorting.get()?.position);
    if (sortedTo !== before) {
      for (const [name, position] of positions) if (position <= sortedTo) positions.delete(name);
    }
    for (const { position, name } of selectNew.all(Math.max(seen, sortedTo))) {
      seen = Number(position);
      positions.set(keyOf(name as Uint8Array), seen);
    }
  }

  function waitingAt(name: Uint8Array, position: number | undefined): number | undefined {
    if (position === undefined || isThere.get(position, name) === undefined) return undefined;
    return position;
  }

  const sortedAt = (name: Uint8Array) => selectSorted.get(name)?.position as number | undefined;

  return {
    find(name) {
      const bytes = bytesFromName(name);
      const sorted = sortedAt(bytes);
      if (sorted !== undefined) return sorted;
      refresh();
      // It may have been sorted between these reads.
      return waitingAt(bytes, positions.get(keyOf(bytes))) ?? sortedAt(bytes);
    },
    count(owner, limit) {
      refresh();
      const [first, last] = rangeOfOwner(owner);
      const [from, to] = [keyOf(first), keyOf(last)];
      let receipts = Number(countSorted.get(first, last, limit)?.receipts);
      for (const [name, position] of positions) {
        if (name < from || name > to) continue;
        const bytes = Buffer.from(name, "latin1");
        if (sortedAt(bytes) === undefined && waitingAt(bytes, position)) receipts += 1;
      }
      return receipts;
    },
  };
}

function keyOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}
