import type { DatabaseSync } from "node:sqlite";
import type { AppendRow } from "../../change/append-row.ts";
import { combined, type KeyChange } from "../../search/key-changes.ts";
import { createInsert } from "./insert-rows.ts";
import { createSpaces } from "./spaces.ts";

type KeyedRow = Pick<AppendRow, "stream" | "organization" | "keys">;

type NewKey = readonly [space: number, folded: string, stream: string, text: string | null];

/**
 * Prepare to write the search keys of heads. Call it once in each transaction.
 *
 * New rows are written in the order of the index, so that rows of a large batch that share a page are
 * written while this page is in the cache.
 */
export function createKeyWriter(db: DatabaseSync): {
  write(rows: readonly KeyedRow[]): void;
} {
  const spaces = createSpaces(db);
  const remove = db.prepare(
    "delete from search_keys where space = ? and folded = ? and stream = ?",
  );
  const insert = createInsert(
    db,
    "search_keys (space, folded, stream, text)",
    "?, ?, ?, ?",
    "on conflict do update set text = excluded.text",
  );

  return {
    write(rows) {
      const spaceOf = spaces();
      const added: NewKey[] = [];
      for (const { stream, organization, changes } of changesOf(rows)) {
        for (const [name, from, to, text] of changes) {
          const space = spaceOf(organization, name);
          if (from !== undefined && from !== to) remove.run(space, from, stream);
          if (to !== undefined) added.push([space, to, stream, text]);
        }
      }
      insert(added.sort(byPlace));
    },
  };
}

/** The combined changes of each stream. */
function changesOf(rows: readonly KeyedRow[]) {
  const streams = new Map<string, { organization: string; steps: (readonly KeyChange[])[] }>();
  for (const { stream, organization, keys } of rows) {
    const known = streams.get(stream);
    if (known === undefined) streams.set(stream, { organization, steps: [keys] });
    else known.steps.push(keys);
  }
  return [...streams].map(([stream, { organization, steps }]) => ({
    stream,
    organization,
    changes: combined(steps),
  }));
}

/** Nearly the order of the index; SQLite compares UTF-8, JavaScript UTF-16. */
function byPlace([space, folded, stream]: NewKey, b: NewKey): number {
  if (space !== b[0]) return space - b[0];
  if (folded !== b[1]) return folded < b[1] ? -1 : 1;
  return stream < b[2] ? -1 : 1;
}
