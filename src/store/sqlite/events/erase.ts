import type { DatabaseSync } from "node:sqlite";
import type { AppendRow } from "../../change/append-row.ts";
import type { ReceiptWriter } from "../append/receipts.ts";
import { walkFrom } from "./history.ts";

/**
 * Prepare to forget what is stored of a stream, within the transaction of the append that erases it, after its events
 * and receipts are written.
 */
export function createEraser(
  db: DatabaseSync,
  receipts: Pick<ReceiptWriter, "forget">,
): (row: AppendRow) => void {
  const forgetData = db.prepare(
    `${walkFrom("(select position from heads where stream = ?)", "0")}
     update events set data = '{}' where position in (select position from walk) and data <> '{}'`,
  );
  const forgetLostKeys = db.prepare("delete from lost_claims where stream = ?");
  return ({ stream, receipt }) => {
    forgetData.run(stream);
    receipts.forget(stream, receipt);
    forgetLostKeys.run(stream);
  };
}
