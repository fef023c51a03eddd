import type { DatabaseSync } from "node:sqlite";
import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import type { EventLog } from "../events/event-log.ts";
import { createInsert } from "../keys/insert-rows.ts";

/** Writes rows, without their events and their search keys. Call `begin` first in every transaction. */
export type StreamWriter = {
  begin(): void;
  /** @returns What became of each row. */
  write(rows: readonly AppendRow[]): AppendResult[];
};

/**
 * Prepare to write the rows of a transfer. Those of new streams are written together, as if none of them conflicted: a
 * statement for each row takes a third more time. If one does, they are taken back and written one by one.
 *
 * @param log Gets the events.
 * @param writeOne Writes one row.
 */
export function createStreamWriter(
  db: DatabaseSync,
  log: EventLog,
  writeOne: (row: AppendRow) => AppendResult,
): StreamWriter {
  const insertHeads = createInsert(
    db,
    "heads (stream, organization, version, change, created_at, changed_at, state, status, position)",
    "?, ?, ?, ?, ?, ?, ?, ?, ?",
    "on conflict (stream) do nothing",
  );
  const insertClaims = createInsert(
    db,
    "claims (name, stream)",
    "?, ?",
    "on conflict (name) do nothing",
  );
  // Each change has an id of its own, so this never deletes the head of a stream that was there.
  const deleteHead = db.prepare("delete from heads where stream = ? and change = ?");
  const deleteClaims = db.prepare("delete from claims where stream = ?");
  // After a conflict there are often more, as when an input is imported a second time.
  let isTogether = true;

  /** @returns Whether all rows were written; otherwise none was. */
  function writeTogether(rows: readonly AppendRow[]): boolean {
    const logged = log.size();
    const heads = rows.map((row) => {
      const { stream, organization, version, change, createdAt, changedAt, state, status } = row;
      const position = log.add(row, null);
      const begun = [stream, organization, version, change, createdAt, changedAt] as const;
      return [...begun, state, status, position];
    });
    const claims = rows.flatMap(({ stream, uniqueKeys = [] }) =>
      [...new Set(uniqueKeys)].map((name) => [name, stream]),
    );
    if (insertHeads(heads) === heads.length && insertClaims(claims) === claims.length) return true;
    log.truncate(logged);
    for (const { stream, change } of rows) {
      if (deleteHead.run(stream, change).changes > 0) deleteClaims.run(stream);
    }
    return false;
  }

  return {
    begin() {
      isTogether = true;
    },
    write(rows) {
      if (isTogether && rows.every(({ after }) => after === undefined)) {
        isTogether = writeTogether(rows);
        if (isTogether) return rows.map(() => "appended");
      }
      return rows.map(writeOne);
    },
  };
}
