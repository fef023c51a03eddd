import type { DatabaseSync } from "node:sqlite";
import { textFromLines } from "../sql/rejected-lines.ts";
import { type BatchLines, OvertakenError } from "../transfer.ts";

/** What is kept of imports beside the users. For use within the transaction of a batch. */
export type ImportNotes = {
  /** @throws OvertakenError if another import has moved the progress, or tried the rejected lines. */
  move(lines: BatchLines): void;
  /** @param rejected To be tried again; what was rejected of the same batch before is forgotten. */
  keepRejected(lines: BatchLines, rejected: readonly number[]): void;
};

export function createImportNotes(db: DatabaseSync): ImportNotes {
  const begin = db.prepare(
    "insert into imports (source, lines, digest) values (?, ?, ?) on conflict (source) do nothing",
  );
  const goOn = db.prepare(
    "update imports set lines = ?, digest = ? where source = ? and lines = ? and digest = ?",
  );
  const forgetAll = db.prepare("delete from import_rejects where source = ?");
  const take = db.prepare(
    "delete from import_rejects where source = ? and lines = ? and rejected = ?",
  );
  const keep = db.prepare(
    "insert into import_rejects (source, lines, digest, rejected) values (?, ?, ?, ?)",
  );

  function moved(lines: BatchLines): number | bigint {
    if (lines.kind === "again") {
      const { source, lines: end, rejected } = lines.of;
      return take.run(source, end, textFromLines(rejected)).changes;
    }
    const { progress, known } = lines;
    if (known === undefined) return begin.run(...valuesOf(progress)).changes;
    return goOn.run(progress.lines, progress.digest, ...valuesOf(known)).changes;
  }

  return {
    move(lines) {
      if (moved(lines) === 0) throw new OvertakenError();
      if (lines.kind === "next" && lines.isAnew) forgetAll.run(lines.progress.source);
    },
    keepRejected(lines, rejected) {
      if (rejected.length === 0) return;
      const end = lines.kind === "next" ? lines.progress : lines.of;
      keep.run(...valuesOf(end), textFromLines(rejected));
    },
  };
}

type End = { readonly source: string; readonly lines: number; readonly digest: string };

function valuesOf({ source, lines, digest }: End) {
  return [source, lines, digest] as const;
}
