import type { DatabaseSync } from "node:sqlite";
import { sortAllNames } from "./append/waiting-names.ts";
import { transact } from "./transaction.ts";

/**
 * Its rows are kept in memory by number while the store is open, so they stay when everything else goes back.
 * Rows that nothing refers to do no harm.
 */
const kept = "search_spaces";

/**
 * Remember everything that a database in memory holds, and bring it back as often as it is asked for. It takes
 * as long as copying the rows: less than a millisecond for a few dozen.
 *
 * @returns Puts everything back. What is being changed at that moment may be refused or lost.
 */
export function takeSnapshot(db: DatabaseSync): () => void {
  const select =
    "select name from sqlite_schema where type = 'table' and name not like 'sqlite!_%' escape '!'";
  const tables = db
    .prepare(select)
    .all()
    .map(({ name }) => String(name))
    .filter((name) => name !== kept);
  db.exec("pragma temp_store = memory");
  for (const name of tables) {
    db.exec(`create table temp."snapshot_${name}" as select * from main."${name}"`);
  }
  const steps = tables.map(
    (name) =>
      `delete from main."${name}"; insert into main."${name}" select * from temp."snapshot_${name}";`,
  );
  const restore = `pragma defer_foreign_keys = on; ${steps.join(" ")} ${sortAllNames}`;
  return () => transact(db, () => db.exec(restore));
}
