import type { KeysOf } from "../../event-store.ts";
import { keyChanges } from "../../search/key-changes.ts";
import type { Connection } from "../connection/connection.ts";
import { keyTexts } from "../keys/key-rows.ts";
import { headPages } from "./head-pages.ts";

/**
 * Write the search keys of all heads as they were before step 12, which moves them, within the transaction that is
 * open. There must be none yet, and no older server may write meanwhile, because it does not write keys.
 */
export async function indexHeads(connection: Connection, keysOf: KeysOf<unknown>): Promise<void> {
  for await (const page of headPages(connection)) {
    const rows = page.flatMap(({ stream, head }) =>
      keyChanges(undefined, keysOf(head)).map(([name, , lower = "", text]) => ({
        ...{ organization: head.organization, name, stream },
        ...keyTexts(lower, text),
      })),
    );
    await connection.query({
      text: `insert into search_keys (organization, name, folded, stream, text, rest)
        select * from unnest(
          $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])`,
      values: [
        rows.map(({ organization }) => organization),
        rows.map(({ name }) => name),
        rows.map(({ folded }) => folded),
        rows.map(({ stream }) => stream),
        rows.map(({ text }) => text),
        rows.map(({ rest }) => rest),
      ],
    });
  }
}
