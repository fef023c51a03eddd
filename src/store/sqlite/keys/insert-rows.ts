import type { DatabaseSync, SQLInputValue } from "node:sqlite";

/** How many rows the statements have. The fixed cost of a statement is a third of the cost of a row. */
const sizes = [32, 8, 1] as const;

/**
 * Prepare to insert many rows into a table, within a transaction.
 *
 * An error takes the whole transaction back, as every error does here. Otherwise SQLite would keep a copy of each page
 * that a statement of several rows changes, to take back the statement alone.
 *
 * @param into The table and its columns, such as `heads (stream, state)`.
 * @param row A placeholder for each value of a row, such as `?, jsonb(?)`.
 * @param onConflict The clause behind the values. Default: a conflict is an error.
 * @returns Inserts rows, and returns how many were inserted or changed.
 */
export function createInsert(
  db: DatabaseSync,
  into: string,
  row: string,
  onConflict = "",
): (rows: readonly (readonly SQLInputValue[])[]) => number {
  const prepare = (count: number) =>
    db.prepare(
      `insert or rollback into ${into} values ${Array(count).fill(`(${row})`).join(", ")} ${onConflict}`,
    );
  const inserts = sizes.map((size) => ({ size, insert: prepare(size) }));
  return (rows) => {
    let next = 0;
    let inserted = 0;
    for (const { size, insert } of inserts) {
      for (; rows.length - next >= size; next += size) {
        inserted += Number(insert.run(...rows.slice(next, next + size).flat()).changes);
      }
    }
    return inserted;
  };
}
