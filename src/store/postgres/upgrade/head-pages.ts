import {
  headPageSql,
  nextAfter,
  type StreamHead,
  streamHeadFromRow,
} from "../../sql/head-pages.ts";
import type { Connection } from "../connection/connection.ts";
import { statementOf } from "../statement.ts";

/** Heads of one statement. */
const pageHeads = 1_000;

/** All heads in the order of their streams' ids, page by page. */
export async function* headPages(connection: Connection): AsyncGenerator<StreamHead[]> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    const rows = await connection.query(statementOf(headPageSql(after, pageHeads)));
    yield rows.map(streamHeadFromRow);
    after = nextAfter(rows, pageHeads);
  }
}
