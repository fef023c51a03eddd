import type { DatabaseSync } from "node:sqlite";
import type { AppendRow } from "../../change/append-row.ts";
import { walkFrom } from "./history.ts";

/**
 * Prepare to forget what is stored of a stream, within the transaction of the append that erases it, after its events
 * are written.
 */
export function createEraser(db: DatabaseSync): (row: AppendRow) => void {
  const forgetData = db.prepare(
    `${walkFrom("(select position from heads where stream = ?)", "0")}
     update events set data = '{}' where position in (select position from walk) and data <> '{}'`,
  );
  const forgetReceipts = db.prepare(
    "delete from receipts where stream = ? and not (owner = ? and name = ?)",
  );
  const forgetLostKeys = db.prepare("delete from lost_claims where stream = ?");
  return ({ stream, receipt: [owner, name] = ["", ""] }) => {
    forgetData.run(stream);
    forgetReceipts.run(stream, owner, name);
    forgetLostKeys.run(stream);
  };
}
