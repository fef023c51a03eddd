import type { DatabaseSync } from "node:sqlite";
import type { AppendRow } from "../append-row.ts";
import { combined, type KeyChange } from "../key-changes.ts";
import { createSpaces } from "./spaces.ts";

/** Rows of one statement: its fixed cost is a third of a row's. */
const rowsAtOnce = 20;

type KeyedRow = Pick<AppendRow, "stream" | "organization" | "keys">;

type NewKey = readonly [space: number, folded: string, stream: string, text: string | null];

/**
 * Prepare to write the search keys of heads. Call it once in each transaction.
 *
 * New rows are written in the order of the index: those of a large batch that share a page then meet
 * it while it is at hand.
 */
export function createKeyWriter(db: DatabaseSync): {
  write(rows: readonly KeyedRow[]): void;
} {
  const spaces = createSpaces(db);
  const remove = db.prepare(
    "delete from search_keys where space = ? and folded = ? and stream = ?",
  );
  const insertSome = (count: number) =>
    db.prepare(
      `insert into search_keys (space, folded, stream, text)
       values ${Array(count).fill("(?, ?, ?, ?)").join(", ")}
       on conflict do update set text = excluded.text`,
    );
  const insertOne = insertSome(1);
  const insertMany = insertSome(rowsAtOnce);

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
      added.sort(byPlace);
      const whole = added.length - (added.length % rowsAtOnce);
      for (let index = 0; index < whole; index += rowsAtOnce) {
        insertMany.run(...added.slice(index, index + rowsAtOnce).flat());
      }
      for (const key of added.slice(whole)) insertOne.run(...key);
    },
  };
}

/** Of each stream what all its rows come to. */
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

/** Nearly as SQLite does. */
function byPlace([space, folded, stream]: NewKey, b: NewKey): number {
  if (space !== b[0]) return space - b[0];
  if (folded !== b[1]) return folded < b[1] ? -1 : 1;
  return stream < b[2] ? -1 : 1;
}
