import type { DatabaseSync } from "node:sqlite";
import {
  headPageSql,
  nextAfter,
  type StreamHead,
  streamHeadFromRow,
} from "../../sql/head-pages.ts";
import { readRows } from "../statement.ts";

/** Heads that are read at once. They take 100 MB of memory, and several times that until it is collected. */
const longPage = 50_000;

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
