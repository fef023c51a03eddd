import type { BatchLines } from "../transfer.ts";

/**
 * Lines of a batch that are to be tried again.
 *
 * @param isStored Of each stream of the batch.
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
