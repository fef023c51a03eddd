import type { Collision } from "../collision.ts";
import { headColumns, headFromRow, type Row } from "../sql/rows.ts";
import {
  byAge,
  collisionOf,
  type Renaming,
  renamingOf,
  type UniqueKeysOf,
} from "../sql/unique-keys.ts";
import type { Connection } from "./connection/connector.ts";
import type { Postgres } from "./database.ts";

/** Heads of one statement. */
const batchHeads = 1_000;

/**
 * Write the names that streams claim as they are folded now, within the transaction that is open.
 *
 * Where a name is held already, its holder keeps it; of several streams that come to claim one name,
 * the oldest gets it. The others stay as they are, without the name, and are written down.
 */
export async function renewUniqueKeys(
  connection: Connection,
  uniqueKeysOf: UniqueKeysOf<unknown>,
): Promise<void> {
  const oldestFirst = (await renamings(connection, uniqueKeysOf)).sort(byAge);
  await connection.query({
    text: "delete from claims where stream = any ($1::text[])",
    values: [oldestFirst.map(({ stream }) => stream)],
  });
  for (const { stream, names } of oldestFirst) {
    for (const name of names) {
      await connection.query({
        text: `with held as (
            insert into claims (name, stream) values ($1::text, $2::text)
            on conflict (name) do nothing returning name)
          insert into lost_claims (stream, name)
          select $2::text, $1::text where not exists (select 1 from held)`,
        values: [name, stream],
      });
    }
  }
}

async function renamings(
  connection: Connection,
  uniqueKeysOf: UniqueKeysOf<unknown>,
): Promise<Renaming[]> {
  const found: Renaming[] = [];
  for (let after: string | undefined = ""; after !== undefined; ) {
    const heads: Row[] = await connection.query({
      text: `select stream, ${headColumns} from heads where stream > $1 order by stream limit $2`,
      values: [after, batchHeads],
    });
    const uniqueKeys = await connection.query({
      text: "select stream, name from claims where stream = any ($1::text[])",
      values: [heads.map(({ stream }) => stream)],
    });
    const held = new Set(uniqueKeys.map(({ stream, name }) => JSON.stringify([stream, name])));
    for (const row of heads) {
      const stream = String(row.stream);
      const isHeld = (name: string) => held.has(JSON.stringify([stream, name]));
      found.push(...renamingOf(stream, headFromRow(row), uniqueKeysOf, isHeld));
    }
    after = heads.length < batchHeads ? undefined : String(heads.at(-1)?.stream);
  }
  return found;
}

/** Those of `renewUniqueKeys` that there still are. */
export async function collisionsIn({ read, uniqueKeysOf }: Postgres): Promise<Collision[]> {
  const rows = await read({
    text: `select lost_claims.stream as stream, name, claims.stream as holder,
        organization, version, created_at, changed_at, state
      from lost_claims join claims using (name) join heads on heads.stream = lost_claims.stream
      where claims.stream <> lost_claims.stream order by lost_claims.stream`,
  });
  return rows.flatMap((row) => collisionOf(row, uniqueKeysOf));
}
