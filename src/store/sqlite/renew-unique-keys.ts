import type { DatabaseSync } from "node:sqlite";
import type { Collision } from "../collision.ts";
import {
  byAge,
  collisionOf,
  type Renaming,
  renamingOf,
  type UniqueKeysOf,
} from "../sql/unique-keys.ts";
import type { Sqlite } from "./database.ts";
import { headPages } from "./head-pages.ts";

/**
 * Write the names that streams claim as they are folded now, within the transaction that is open.
 *
 * Where a name is held already, its holder keeps it; of several streams that come to claim one name,
 * the oldest gets it. The others stay as they are, without the name, and are written down.
 */
export function renewUniqueKeys(db: DatabaseSync, uniqueKeysOf: UniqueKeysOf<unknown>): void {
  const selectUniqueKey = db.prepare("select 1 from claims where name = ? and stream = ?");
  const release = db.prepare("delete from claims where stream = ?");
  const insert = db.prepare(
    "insert into claims (name, stream) values (?, ?) on conflict (name) do nothing",
  );
  const insertLost = db.prepare("insert into lost_claims (stream, name) values (?, ?)");
  const renamings: Renaming[] = [];
  for (const page of headPages(db)) {
    for (const { stream, head } of page) {
      const isHeld = (name: string) => selectUniqueKey.get(name, stream) !== undefined;
      renamings.push(...renamingOf(stream, head, uniqueKeysOf, isHeld));
    }
  }
  const oldestFirst = renamings.sort(byAge);
  for (const { stream } of oldestFirst) release.run(stream);
  for (const { stream, names } of oldestFirst) {
    for (const name of names) {
      if (insert.run(name, stream).changes === 0) insertLost.run(stream, name);
    }
  }
}

/** Those of `renewUniqueKeys` that there still are. */
export function collisionsIn({ acquire, release, uniqueKeysOf }: Sqlite): Collision[] {
  const rows = acquire()
    .prepare(
      `select lost_claims.stream as stream, name, claims.stream as holder,
         organization, version, created_at, changed_at, state
       from lost_claims join claims using (name) join heads on heads.stream = lost_claims.stream
       where claims.stream <> lost_claims.stream order by lost_claims.stream`,
    )
    .all();
  release();
  return rows.flatMap((row) => collisionOf(row, uniqueKeysOf));
}
