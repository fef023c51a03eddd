import type { DatabaseSync } from "node:sqlite";
import type { KeysOf } from "../../event-store.ts";
import { keyChanges } from "../../search/key-changes.ts";
import { createKeyWriter } from "../keys/key-writer.ts";
import { headPages } from "./head-pages.ts";

/**
 * Write the search keys of all heads, within the transaction that is open. There must be none yet. A million
 * users take half a minute.
 */
export function indexHeads(db: DatabaseSync, keysOf: KeysOf<unknown>): void {
  const { write } = createKeyWriter(db);
  for (const page of headPages(db)) {
    write(
      page.map(({ stream, head }) => {
        const { organization } = head;
        return { stream, organization, keys: keyChanges(undefined, keysOf(head)) };
      }),
    );
  }
}
