import type { DatabaseSync } from "node:sqlite";
import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import { rejectedLines } from "../../sql/import-notes.ts";
import type { BatchLines } from "../../transfer.ts";
import { createRowWriter } from "../append/append-batch.ts";
import { createAttributeWriter } from "../attributes.ts";
import { createEventLog } from "../events/event-log.ts";
import { createCountWriter } from "../keys/count-writer.ts";
import { createKeyWriter } from "../keys/key-writer.ts";
import { createUnsortedKeys } from "../keys/unsorted-keys.ts";
import { transact } from "../transaction.ts";
import { moveImport, noteRejected } from "./import-notes.ts";
import { createStreamWriter } from "./new-streams.ts";
import { type PackedStreams, unpackStreams } from "./packed-streams.ts";

/** A batch of a transfer. */
export type Bulk = {
  readonly lines: BatchLines;
  /** All streams, in the order of their lines. */
  readonly parts: readonly PackedStreams[];
};

/** After the batch, the keys of at most `maxUnsorted` streams stay unsorted. */
type BulkWithin = Bulk & { readonly maxUnsorted: number };

/**
 * Prepare to write the batches of a transfer on a connection.
 *
 * @returns Writes a batch in one transaction, part by part, and returns for each stream what became of its first row.
 *   A row that conflicts writes nothing and leaves the others alone. If two streams want the same unique key, the
 *   first gets it. If it throws, nothing was stored, unless it is OutcomeUnknownError.
 */
export function createBulkWriter(db: DatabaseSync): (bulk: BulkWithin) => AppendResult[] {
  const log = createEventLog(db);
  const streams = createStreamWriter(db, log, createRowWriter(db, log, undefined));
  const keys = createKeyWriter(db);
  const counts = createCountWriter(db);
  const writeAttributes = createAttributeWriter(db);
  const unsorted = createUnsortedKeys(db);

  /** @param keyed Gets the rows that bring search keys themselves. */
  function writePart(packed: PackedStreams, keyed: AppendRow[]): AppendResult[] {
    const { rows, firsts, keys } = unpackStreams(packed);
    const results = streams.write(rows);
    const appended = rows.filter((_, index) => results[index] === "appended");
    log.write();
    writeAttributes(appended);
    counts.write(appended);
    const ofStreams = firsts.map((first) => results[first] ?? "conflict");
    unsorted.add(keys, ofStreams.map(isAppended));
    for (const row of appended) if (row.keys.length > 0) keyed.push(row);
    return ofStreams;
  }

  return ({ lines, parts, maxUnsorted }) =>
    transact(db, () => {
      log.begin();
      streams.begin();
      moveImport(db, lines);
      const keyed: AppendRow[] = [];
      const results = parts.flatMap((part) => writePart(part, keyed));
      if (unsorted.count() > maxUnsorted || keyed.length > 0) unsorted.sort();
      keys.write(keyed);
      noteRejected(db, lines, rejectedLines(lines, results.map(isAppended)));
      return results;
    });
}

function isAppended(result: AppendResult): boolean {
  return result === "appended";
}
