import type { DatabaseSync } from "node:sqlite";
import { statusOf } from "../../change/append-row.ts";
import type { KeysOf } from "../../event-store.ts";
import { commonStatus } from "../../search/head-keys.ts";
import { createCountWriter } from "../keys/count-writer.ts";
import { headPages } from "./head-pages.ts";

/** Of each of them little is kept, so longer pages would only take memory. */
const pageHeads = 2_000;

/**
 * Write the statuses of all heads, to which the step has given the most common one, and count them, within the transaction that is open. A million users take some
 * seconds.
 */
export function listHeads(
  db: DatabaseSync,
  keysOf: KeysOf<unknown>,
  progress: (heads: number) => void,
): void {
  const counts = createCountWriter(db);
  const update = db.prepare("update heads set status = ? where stream = ?");
  let done = 0;
  for (const page of headPages(db, pageHeads)) {
    const listed = page.map(({ stream, head }) => ({
      stream,
      organization: head.organization,
      status: statusOf(keysOf(head)),
      statusBefore: null,
    }));
    for (const { stream, status } of listed)
      if (status !== commonStatus) update.run(status, stream);
    counts.write(listed);
    done += page.length;
    if (done > 0) progress(done);
  }
}
