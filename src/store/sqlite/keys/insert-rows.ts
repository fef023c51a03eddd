import type { DatabaseSync, SQLInputValue } from "node:sqlite";

/** Rows of one statement. The fixed cost of a statement is a third of the cost of a row. */
const rowsAtOnce = 20;

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
  const insert = (count: number) =>
    db.prepare(
      `insert into ${into} values ${Array(count).fill(`(${row})`).join(", ")} ${onConflict}`,
    );
  const insertOne = insert(1);
  const insertMany = insert(rowsAtOnce);
  return (rows) => {
    const whole = rows.length - (rows.length % rowsAtOnce);
    for (let index = 0; index < whole; index += rowsAtOnce) {
      insertMany.run(...rows.slice(index, index + rowsAtOnce).flat());
    }
    for (const each of rows.slice(whole)) insertOne.run(...each);
  };
}
