import type { DatabaseSync } from "node:sqlite";
import type { Collision } from "../../collision.ts";
import {
  byAge,
  collisionOf,
  type Renewal,
  renewalOf,
  selectLostKeys,
  type UniqueKeysOf,
} from "../../sql/unique-keys.ts";
import type { Sqlite } from "../database.ts";
import { headPages } from "./head-pages.ts";

/**
 * Write all unique keys as they are made today, within the transaction that is open.
 *
 * If another stream holds a key already, it keeps the key; if several streams now want the same key, the
 * oldest gets it. The others go on without it, and are listed in `lost_claims`.
 */
export function renewUniqueKeys(db: DatabaseSync, uniqueKeysOf: UniqueKeysOf<unknown>): void {
  const selectKey = db.prepare("select 1 from claims where name = ? and stream = ?");
  const release = db.prepare("delete from claims where stream = ?");
  const insert = db.prepare(
    "insert into claims (name, stream) values (?, ?) on conflict (name) do nothing",
  );
  const insertLost = db.prepare("insert into lost_claims (stream, name) values (?, ?)");
  const renewals: Renewal[] = [];
  for (const page of headPages(db)) {
    for (const { stream, head } of page) {
      const isHeld = (uniqueKey: string) => selectKey.get(uniqueKey, stream) !== undefined;
      renewals.push(...renewalOf(stream, head, uniqueKeysOf, isHeld));
    }
  }
  const oldestFirst = renewals.sort(byAge);
  for (const { stream } of oldestFirst) release.run(stream);
  for (const { stream, uniqueKeys } of oldestFirst) {
    for (const uniqueKey of uniqueKeys) {
      if (insert.run(uniqueKey, stream).changes === 0) insertLost.run(stream, uniqueKey);
    }
  }
}

/** Streams that `renewUniqueKeys` left without a unique key, and that still want it. */
export function collisionsIn({ acquire, release, uniqueKeysOf }: Sqlite): Collision[] {
  const rows = acquire().prepare(selectLostKeys).all();
  release();
  return rows.flatMap((row) => collisionOf(row, uniqueKeysOf));
}
