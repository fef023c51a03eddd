const gap = "  ";

/**
 * Lay rows out in columns as wide as their widest cell, with a heading above.
 *
 * @param rows Each with as many cells as the heading.
 */
export function formatTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const lines = [heading, ...rows];
  const widths = heading.map((_, column) =>
    Math.max(...lines.map((line) => lengthOf(line[column] ?? ""))),
  );
  return lines.map((line) =>
    line
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - lengthOf(cell)))
      .join(gap)
      .trimEnd(),
  );
}

function lengthOf(cell: string): number {
  return [...cell].length;
}
