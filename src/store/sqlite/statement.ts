import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Row } from "../sql/rows.ts";
import { type Sql, type SqlStatement, statementFromSql } from "../sql/sql.ts";

/** How SQLite names a value of a statement: by its place alone. */
export const placeholder = () => "?";

/** Run a piece of SQL and return its rows. It is prepared for this one run. */
export function readRows(db: DatabaseSync, whole: Sql): Row[] {
  return runStatement(db, statementFromSql(whole, placeholder));
}

/** As `readRows`, for a statement whose placeholders are written already. */
export function runStatement(db: DatabaseSync, { text, values }: SqlStatement) {
  // No value is a list: SQLite gets lists as JSON.
  return db.prepare(text).all(...(values as SQLInputValue[]));
}
