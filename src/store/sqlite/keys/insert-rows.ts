import type { DatabaseSync, SQLInputValue } from "node:sqlite";

/** How many rows the statements have. The fixed cost of a statement is a third of the cost of a row. */
const sizes = [32, 8, 1] as const;

/**
 * Prepare to insert many rows into a table.
 *
 * @param into The table and its columns, such as `heads (stream, state)`.
 * @param row A placeholder for each value of a row, such as `?, jsonb(?)`.
 * @param onConflict The clause behind the values. Default: a conflict is an error.
 */
export function createInsert(
  db: DatabaseSync,
  into: string,
  row: string,
  onConflict = "",
): (rows: readonly (readonly SQLInputValue[])[]) => void {
  const prepare = (count: number) =>
    db.prepare(
      `insert into ${into} values ${Array(count).fill(`(${row})`).join(", ")} ${onConflict}`,
    );
  const inserts = sizes.map((size) => ({ size, insert: prepare(size) }));
  return (rows) => {
    let next = 0;
    for (const { size, insert } of inserts) {
      for (; rows.length - next >= size; next += size) {
        insert.run(...rows.slice(next, next + size).flat());
      }
    }
  };
}
