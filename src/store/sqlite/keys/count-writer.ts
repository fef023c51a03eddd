import type { DatabaseSync } from "node:sqlite";
import { type CountChange, countChanges } from "../../change/count-changes.ts";

/** Prepare to keep the numbers of streams by status. */
export function createCountWriter(db: DatabaseSync): {
  /** Write what the rows of a transaction change. */
  write(rows: Parameters<typeof countChanges>[0]): void;
  add(changes: readonly CountChange[]): void;
} {
  const change = db.prepare(
    `insert into head_counts (organization, status, total) values (?, ?, ?)
     on conflict do update set total = total + excluded.total`,
  );
  const add = (changes: readonly CountChange[]) => {
    for (const { organization, status, by } of changes) change.run(organization, status, by);
  };
  return { write: (rows) => add(countChanges(rows)), add };
}
