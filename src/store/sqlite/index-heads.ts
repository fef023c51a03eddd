import type { DatabaseSync } from "node:sqlite";
import type { KeysOf } from "../event-store.ts";
import { keyChanges } from "../key-changes.ts";
import { headColumns, headFromRow } from "../rows.ts";
import { createKeyWriter } from "./key-writer.ts";

/** Heads whose keys are sorted together. They take 100 MB meanwhile. */
const batchHeads = 50_000;

/**
 * Write the search keys of all heads, which have none yet, within the transaction that is open. A
 * million users take half a minute.
 */
export function indexHeads(db: DatabaseSync, keysOf: KeysOf<unknown>): void {
  const { write } = createKeyWriter(db);
  const select = db.prepare(
    `select stream, ${headColumns} from heads where stream > ? order by stream limit ?`,
  );
  for (let after = ""; ; ) {
    const rows = select.all(after, batchHeads);
    write(
      rows.map((row) => {
        const head = headFromRow(row);
        const { organization } = head;
        const stream = String(row.stream);
        return { stream, organization, keys: keyChanges(keysOf, undefined, head) };
      }),
    );
    const last = rows.at(-1);
    if (last === undefined || rows.length < batchHeads) return;
    after = String(last.stream);
  }
}
