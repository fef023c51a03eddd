import { insertKind } from "./append-text.ts";
import type { PipelineStatement } from "./connection/pipeline.ts";
import type { WireValue } from "./connection/wire-values.ts";

/** Rows of one insert, at most; the protocol has room for 65,535 values. */
const maxInsertRows = 128;

/** Insert rows that may be there, in as few statements as there is room for. */
export function insertRows(
  into: Parameters<typeof insertKind>[0],
  rows: readonly (readonly WireValue[])[],
): PipelineStatement[] {
  const statements: PipelineStatement[] = [];
  for (let from = 0; from < rows.length; from += maxInsertRows) {
    const part = rows.slice(from, from + maxInsertRows);
    const size = insertSize(part.length);
    // A row that is repeated meets itself, and is left out.
    const repeated = Array.from({ length: size - part.length }, () => part[0] ?? []);
    statements.push({ ...insertKind(into, size), values: [...part, ...repeated].flat() });
  }
  return statements;
}

/** The next of 1, 2, 3, 4, 6, 8, 12, …, so that few statements are prepared, and few rows are repeated. */
function insertSize(rows: number): number {
  let power = 1;
  while (2 * power <= rows) power *= 2;
  if (rows === power) return rows;
  return rows <= 1.5 * power ? 1.5 * power : 2 * power;
}
