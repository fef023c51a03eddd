import type { KeysOf } from "../event-store.ts";
import { keyChanges } from "../search/key-changes.ts";
import { keyParts } from "../search/key-parts.ts";
import { headColumns, headFromRow } from "../sql/rows.ts";
import type { Connection } from "./connection/connector.ts";
import { keyBytes } from "./key-bytes.ts";

/** Heads of one statement. */
const batchHeads = 1_000;

/**
 * Write the search keys of all heads, which have none yet, within the transaction that is open. No
 * older node may write meanwhile: it knows nothing of keys.
 */
export async function indexHeads(connection: Connection, keysOf: KeysOf<unknown>): Promise<void> {
  for (let after = ""; ; ) {
    const heads = await connection.query({
      text: `select stream, ${headColumns} from heads where stream > $1 order by stream limit $2`,
      values: [after, batchHeads],
    });
    const rows = heads.flatMap((row) => {
      const head = headFromRow(row);
      const { organization } = head;
      const stream = String(row.stream);
      return keyChanges(keysOf, undefined, head).map(([name, , whole = "", text]) => {
        const { folded, rest } = keyParts(whole, keyBytes);
        const asItIs = rest === null ? text : (text ?? whole);
        return { organization, name, folded, rest, text: asItIs, stream };
      });
    });
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
    const last = heads.at(-1);
    if (last === undefined || heads.length < batchHeads) return;
    after = String(last.stream);
  }
}
