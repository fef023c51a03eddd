import type { DatabaseSync } from "node:sqlite";
import {
  headPageSql,
  nextAfter,
  type StreamHead,
  streamHeadFromRow,
} from "../../sql/head-pages.ts";
import { readRows } from "../statement.ts";

/** Heads that are read at once. They take 100 MB of memory. */
const pageHeads = 50_000;

/** All heads in the order of their streams' ids, page by page. */
export function* headPages(db: DatabaseSync): Generator<StreamHead[]> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    const rows = readRows(db, headPageSql(after, pageHeads));
    yield rows.map(streamHeadFromRow);
    after = nextAfter(rows, pageHeads);
  }
}
