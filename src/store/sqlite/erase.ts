import type { DatabaseSync } from "node:sqlite";
import type { AppendRow } from "../change/append-row.ts";

/**
 * Prepare to forget what is stored of a stream, within the transaction of the append that erases it, after its events
 * are written.
 */
export function createEraser(db: DatabaseSync): (row: AppendRow) => void {
  const forgetData = db.prepare(
    "update events set data = '{}' where stream = ? and version <= ? and data <> '{}'",
  );
  const forgetReceipts = db.prepare(
    "delete from receipts where stream = ? and not (owner = ? and name = ?)",
  );
  const forgetLostKeys = db.prepare("delete from lost_claims where stream = ?");
  return ({ stream, version, receipt: [owner, name] = ["", ""] }) => {
    forgetData.run(stream, version);
    forgetReceipts.run(stream, owner, name);
    forgetLostKeys.run(stream);
  };
}
