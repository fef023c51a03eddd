import type { DatabaseSync } from "node:sqlite";
import type { AppendResult } from "../append.ts";
import type { AppendRow } from "../append-row.ts";
import type { Progress } from "../transfer.ts";
import { transact } from "./transaction.ts";

/**
 * Prepare to write batches on a connection.
 *
 * @returns Writes all rows in one transaction, rows of one stream in order, and returns a result for
 *   each. A row that conflicts leaves the others alone: it is found out before its first write. If
 *   it throws, nothing was stored, unless it is OutcomeUnknownError.
 */
export function createBatchWriter(
  db: DatabaseSync,
): (rows: readonly AppendRow[], progress?: Progress) => AppendResult[] {
  const isCurrent = db.prepare(
    `select 1 from heads where stream = ? and organization = ? and version = ? and change = ?
     union all select 1 where ? is null and not exists (select 1 from heads where stream = ?)`,
  );
  const isTaken = db.prepare("select 1 from claims where name = ? and stream <> ?");
  const insertHead = db.prepare(
    `insert into heads (stream, organization, version, change, created_at, changed_at, state)
     values (?, ?, ?, ?, ?, ?, ?) on conflict (stream) do nothing`,
  );
  const updateHead = db.prepare(
    `update heads set version = ?, change = ?, changed_at = ?, state = ?
     where stream = ? and organization = ? and version = ? and change = ?`,
  );
  const insertEvent = db.prepare(
    `insert into events (stream, version, change, type, data, creator, at)
     values (?, ?, ?, ?, ?, ?, ?)`,
  );
  const releaseClaims = db.prepare("delete from claims where stream = ?");
  const insertClaim = db.prepare("insert into claims (name, stream) values (?, ?)");
  const writeProgress = db.prepare(
    `insert into imports (source, lines, digest) values (?, ?, ?)
     on conflict (source) do update set lines = excluded.lines, digest = excluded.digest`,
  );

  function holdsTakenClaim(row: AppendRow, claims: ReadonlySet<string>): boolean {
    const { stream, organization, version, after = null } = row;
    if (isCurrent.get(stream, organization, version - 1, after, after, stream) === undefined) {
      return false; // A conflict, as the head will show.
    }
    return [...claims].some((name) => isTaken.get(name, stream) !== undefined);
  }

  function writeHead(row: AppendRow): boolean {
    const { stream, organization, version, change, after, createdAt, changedAt, state } = row;
    const { changes } =
      after === undefined
        ? insertHead.run(stream, organization, version, change, createdAt, changedAt, state)
        : updateHead.run(
            version,
            change,
            changedAt,
            state,
            stream,
            organization,
            version - 1,
            after,
          );
    return changes === 1;
  }

  function write(row: AppendRow): AppendResult {
    const { stream, version, change, type, data, creator, changedAt } = row;
    const claims = row.claims && new Set(row.claims);
    if (claims !== undefined && holdsTakenClaim(row, claims)) return "claim-taken";
    if (!writeHead(row)) return "conflict";
    insertEvent.run(stream, version, change, type, data, creator, changedAt);
    if (claims !== undefined) {
      releaseClaims.run(stream);
      for (const name of claims) insertClaim.run(name, stream);
    }
    return "appended";
  }

  return (rows, progress) =>
    transact(db, () => {
      const results: AppendResult[] = [];
      const entries = [...rows.entries()];
      // Of two lines of an import that claim one name, the first is to have it.
      if (progress === undefined) entries.sort(byStream);
      for (const [index, row] of entries) results[index] = write(row);
      if (progress !== undefined) {
        writeProgress.run(progress.source, progress.lines, progress.digest);
      }
      return results;
    });
}

/** Neighbours share pages. Stable, so rows of one stream keep their order. */
function byStream([, a]: [number, AppendRow], [, b]: [number, AppendRow]): number {
  if (a.stream === b.stream) return 0;
  return a.stream < b.stream ? -1 : 1;
}
