import type { DatabaseSync } from "node:sqlite";
import type { Head } from "../event-store.ts";
import { headColumns, headFromRow, type Row } from "../sql/rows.ts";

/** Heads that are read at once. They take 100 MB meanwhile. */
const pageHeads = 50_000;

/** All heads in the order of their streams, page by page. */
export function* headPages(db: DatabaseSync): Generator<{ stream: string; head: Head<unknown> }[]> {
  const select = db.prepare(
    `select stream, ${headColumns} from heads where stream > ? order by stream limit ?`,
  );
  for (let after: string | undefined = ""; after !== undefined; ) {
    const rows: Row[] = select.all(after, pageHeads);
    yield rows.map((row) => ({ stream: String(row.stream), head: headFromRow(row) }));
    after = rows.length < pageHeads ? undefined : String(rows.at(-1)?.stream);
  }
}
