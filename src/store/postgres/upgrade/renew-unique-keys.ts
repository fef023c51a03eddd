import type { Collision } from "../../collision.ts";
import type { StreamHead } from "../../sql/head-pages.ts";
import {
  byAge,
  collisionOf,
  type Renewal,
  renewalOf,
  selectLostKeys,
  type UniqueKeysOf,
} from "../../sql/unique-keys.ts";
import type { Connection } from "../connection/connection.ts";
import type { Postgres } from "../database.ts";
import { headPages } from "./head-pages.ts";

/**
 * Write all unique keys as they are made today, within the transaction that is open.
 *
 * If another stream holds a key already, it keeps the key; if several streams now want the same key, the
 * oldest gets it. The others go on without it, and are listed in `lost_claims`.
 */
export async function renewUniqueKeys(
  connection: Connection,
  uniqueKeysOf: UniqueKeysOf<unknown>,
): Promise<void> {
  const renewals: Renewal[] = [];
  for await (const page of headPages(connection)) {
    renewals.push(...(await renewalsOf(connection, page, uniqueKeysOf)));
  }
  const oldestFirst = renewals.sort(byAge);
  await connection.query({
    text: "delete from claims where stream = any ($1::text[])",
    values: [oldestFirst.map(({ stream }) => stream)],
  });
  for (const { stream, uniqueKeys } of oldestFirst) {
    for (const uniqueKey of uniqueKeys) {
      await connection.query({
        text: `with held as (
            insert into claims (name, stream) values ($1::text, $2::text)
            on conflict (name) do nothing returning name)
          insert into lost_claims (stream, name)
          select $2::text, $1::text where not exists (select 1 from held)`,
        values: [uniqueKey, stream],
      });
    }
  }
}

async function renewalsOf(
  connection: Connection,
  page: readonly StreamHead[],
  uniqueKeysOf: UniqueKeysOf<unknown>,
): Promise<Renewal[]> {
  const rows = await connection.query({
    text: "select stream, name from claims where stream = any ($1::text[])",
    values: [page.map(({ stream }) => stream)],
  });
  const held = new Set(rows.map(({ stream, name }) => JSON.stringify([stream, name])));
  return page.flatMap(({ stream, head }) => {
    const isHeld = (uniqueKey: string) => held.has(JSON.stringify([stream, uniqueKey]));
    return renewalOf(stream, head, uniqueKeysOf, isHeld);
  });
}

/** Streams that `renewUniqueKeys` left without a unique key, and that still want it. */
export async function collisionsIn({ read, uniqueKeysOf }: Postgres): Promise<Collision[]> {
  // Nearly always there are none. Then nothing is read on the nodes of a cluster, one of which may be gone.
  const [any] = await read({ text: "select 1 from lost_claims limit 1" });
  if (any === undefined) return [];
  const rows = await read({ text: selectLostKeys });
  return rows.flatMap((row) => collisionOf(row, uniqueKeysOf));
}
