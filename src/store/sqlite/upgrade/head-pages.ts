import type { DatabaseSync } from "node:sqlite";
import {
  headPageSql,
  nextAfter,
  type StreamHead,
  streamHeadFromRow,
} from "../../sql/head-pages.ts";
import { readRows } from "../statement.ts";

/** Heads that are read at once. With their keys the process takes half a gigabyte; with 50,000 it took a whole one. */
const longPage = 10_000;

/**
 * All heads in the order of their streams' ids, page by page.
 *
 * @param pageHeads Heads of a page. Default: so many that their keys are written in long runs.
 */
export function* headPages(db: DatabaseSync, pageHeads = longPage): Generator<StreamHead[]> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    const rows = readRows(db, headPageSql(after, pageHeads));
    yield rows.map(streamHeadFromRow);
    after = nextAfter(rows, pageHeads);
  }
}
