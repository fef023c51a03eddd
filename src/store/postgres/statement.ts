import type { SqlStatement } from "../sql/sql.ts";
import { type Sql, statementFromSql } from "../sql/sql.ts";

/** How PostgreSQL names a value of a statement: by its number, from 1. */
export const placeholder = (number: number) => `$${number}`;

/** The statement of a piece of SQL. */
export function statementOf(whole: Sql): SqlStatement {
  return statementFromSql(whole, placeholder);
}
