import type { DatabaseSync } from "node:sqlite";
import { forgetRejected, keepRejected, moveNotes } from "../../sql/import-notes.ts";
import { type BatchLines, OvertakenError } from "../../transfer.ts";
import { readRows } from "../statement.ts";

/**
 * Move the notes of an import, within the transaction of its batch.
 *
 * @throws OvertakenError if another import has moved the progress, or tried the rejected lines.
 */
export function moveImport(db: DatabaseSync, lines: BatchLines): void {
  if (readRows(db, moveNotes(lines)).length === 0) throw new OvertakenError();
  const forget = forgetRejected(lines);
  if (forget !== undefined) readRows(db, forget);
}

/** Note lines that are to be tried again, within the transaction of the batch, after `moveImport`. */
export function noteRejected(
  db: DatabaseSync,
  lines: BatchLines,
  rejected: readonly number[],
): void {
  const keep = keepRejected(lines, rejected);
  if (keep !== undefined) readRows(db, keep);
}
