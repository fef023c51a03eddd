import type { DatabaseSync } from "node:sqlite";
import type { KeysOf } from "../../event-store.ts";
import { addedKeys } from "../../search/key-changes.ts";
import { createKeyWriter } from "../keys/key-writer.ts";
import { headPages } from "./head-pages.ts";

/** Few of them have new keys, so longer pages would only take memory. */
const pageHeads = 2_000;

/**
 * Write some search keys of all heads that have them, within the transaction that is open. Harmless for those that are
 * there.
 */
export function addKeys(
  db: DatabaseSync,
  keysOf: KeysOf<unknown>,
  names: readonly string[],
  progress: (heads: number) => void,
): void {
  const { write } = createKeyWriter(db);
  let done = 0;
  for (const page of headPages(db, pageHeads)) {
    write(
      page.map(({ stream, head }) => {
        const keys = addedKeys(keysOf(head), names);
        return { stream, organization: head.organization, keys };
      }),
    );
    done += page.length;
    if (done > 0) progress(done);
  }
}
