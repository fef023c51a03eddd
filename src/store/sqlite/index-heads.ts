import type { DatabaseSync } from "node:sqlite";
import type { KeysOf } from "../event-store.ts";
import { keyChanges } from "../key-changes.ts";
import { headColumns, headFromRow } from "./rows.ts";

/**
 * Write the search keys of all heads, which have none yet, within the transaction that is open.
 *
 * The rows are sorted before they are written: in the order of the heads, each would be written to
 * another page of the tree. A million users take half a minute.
 */
export function indexHeads(db: DatabaseSync, keysOf: KeysOf<unknown>): void {
  db.exec("create temp table new_keys (organization, name, folded, stream, text)");
  const insert = db.prepare("insert into new_keys values (?, ?, ?, ?, ?)");
  const heads = db.prepare(`select stream, ${headColumns} from heads`);
  for (const row of heads.iterate()) {
    const head = headFromRow(row);
    for (const { name, to } of keyChanges(keysOf, undefined, head)) {
      if (to) insert.run(head.organization, name, to.folded, String(row.stream), to.text);
    }
  }
  db.exec(`
    insert into search_keys (organization, name, folded, stream, text)
    select organization, name, folded, stream, text from new_keys order by 1, 2, 3, 4;
    drop table new_keys;`);
}
