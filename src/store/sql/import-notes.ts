import type { BatchLines, Progress, RejectedLines } from "../transfer.ts";
import type { Row } from "./rows.ts";
import { type Sql, sql } from "./sql.ts";

// What is kept of imports beside the users: how far each input is done, and which lines were rejected.

/** Selects the progress of an input, for `progressFromRow`. */
export function selectProgress(source: string): Sql {
  return sql`select source, lines, digest from imports where source = ${source}`;
}

/** @param row Of `selectProgress`. */
export function progressFromRow(row: Row): Progress {
  return { source: String(row.source), lines: Number(row.lines), digest: String(row.digest) };
}

/** Selects the first rejected lines of an input behind a line, for `rejectedFromRow`. */
export function selectRejected(source: string, behind: number): Sql {
  return sql`select source, lines, digest, rejected from import_rejects
    where source = ${source} and lines > ${behind} order by lines limit 1`;
}

/** @param row Of `selectRejected`. */
export function rejectedFromRow(row: Row): RejectedLines {
  return { ...progressFromRow(row), rejected: linesFromText(String(row.rejected)) };
}

/**
 * Moves the progress of an input, or takes the rejected lines that a batch tries again. Returns a row,
 * unless another import has done so before: then this one was overtaken.
 */
export function moveNotes(lines: BatchLines): Sql {
  if (lines.kind === "again") {
    const { source, lines: end, rejected } = lines.of;
    return sql`delete from import_rejects where source = ${source} and lines = ${end}
      and rejected = ${textFromLines(rejected)} returning source`;
  }
  const { progress, known } = lines;
  if (known === undefined) {
    return sql`insert into imports (source, lines, digest)
      values (${progress.source}, ${progress.lines}, ${progress.digest})
      on conflict (source) do nothing returning source`;
  }
  return sql`update imports set lines = ${progress.lines}, digest = ${progress.digest}
    where source = ${known.source} and lines = ${known.lines} and digest = ${known.digest}
    returning source`;
}

/** Deletes the rejected lines of an input that is read from its beginning; `undefined`: keep them. */
export function forgetRejected(lines: BatchLines): Sql | undefined {
  if (lines.kind !== "next" || !lines.isAnew) return undefined;
  return sql`delete from import_rejects where source = ${lines.progress.source}`;
}

/** Inserts the rejected lines of a batch, after `moveNotes`; `undefined`: there are none. */
export function keepRejected(lines: BatchLines, rejected: readonly number[]): Sql | undefined {
  if (rejected.length === 0) return undefined;
  const { source, lines: end, digest } = lines.kind === "next" ? lines.progress : lines.of;
  return sql`insert into import_rejects (source, lines, digest, rejected)
    values (${source}, ${end}, ${digest}, ${textFromLines(rejected)})`;
}

/**
 * Lines of a batch that are to be tried again.
 *
 * @param isStored For each stream of the batch.
 */
export function rejectedLines(
  { tried, rejected }: BatchLines,
  isStored: readonly boolean[],
): number[] {
  return [...rejected, ...tried.filter((_, index) => !isStored[index])].sort((a, b) => a - b);
}

/** Lines as they are stored: pairs of first and last, because often a whole batch is rejected. */
export function textFromLines(lines: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const line of lines) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === line - 1) range[1] = line;
    else ranges.push([line, line]);
  }
  return JSON.stringify(ranges);
}

/** What `textFromLines` was given. */
export function linesFromText(text: string): number[] {
  const ranges: [number, number][] = JSON.parse(text);
  return ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
}
