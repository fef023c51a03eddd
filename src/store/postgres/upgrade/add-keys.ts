import type { KeysOf } from "../../event-store.ts";
import { addedKeys } from "../../search/key-changes.ts";
import type { Connection } from "../connection/connection.ts";
import { keyTexts } from "../keys/key-rows.ts";
import { keySpace } from "../keys/key-space.ts";
import { headPages } from "./head-pages.ts";

/**
 * Write some search keys of all heads that have them, within the transaction that is open. Harmless for those that are
 * there. No older server may write meanwhile, because it does not write them.
 */
export async function addKeys(
  connection: Connection,
  keysOf: KeysOf<unknown>,
  names: readonly string[],
  progress: (heads: number) => void,
): Promise<void> {
  let done = 0;
  for await (const page of headPages(connection)) {
    const rows = page.flatMap(({ stream, head }) =>
      addedKeys(keysOf(head), names).map(([name, , lower = "", text]) => ({
        ...{ stream, space: keySpace(head.organization, name) },
        ...keyTexts(lower, text),
      })),
    );
    if (rows.length > 0) await connection.query({ text: insertKeys, values: valuesOf(rows) });
    done += page.length;
    if (done > 0) progress(done);
  }
}

type KeyRow = ReturnType<typeof keyTexts> & { readonly stream: string; readonly space: string };

/** Joined with the heads, so that nodes of a cluster write the rows of their own streams. */
const insertKeys = `insert into search_keys (space, folded, stream, text, rest)
  select k.space, k.folded, h.stream, k.text, k.rest
  from heads h join unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
    as k (stream, space, folded, text, rest) on h.stream = k.stream
  where h.stream = any ($1::text[])
  on conflict (space, folded, stream) do nothing`;

function valuesOf(rows: readonly KeyRow[]): unknown[] {
  return [
    rows.map(({ stream }) => stream),
    rows.map(({ space }) => space),
    rows.map(({ folded }) => folded),
    rows.map(({ text }) => text),
    rows.map(({ rest }) => rest),
  ];
}
