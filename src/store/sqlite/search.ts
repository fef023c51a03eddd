import type { DatabaseSync } from "node:sqlite";
import type { EventStore } from "../event-store.ts";
import type { Dialect } from "../search/condition-sql.ts";
import { createScanQueue } from "../search/scan-queue.ts";
import { createSearch } from "../search/search-heads.ts";
import type { SearchStatement } from "../search/search-sql.ts";
import { streamHeadFromRow } from "../sql/head-pages.ts";
import { headColumns, type Row } from "../sql/rows.ts";
import { raw, sql } from "../sql/sql.ts";
import type { Sqlite } from "./database.ts";
import { withStoreErrors } from "./sqlite-error.ts";
import { placeholder, runStatement } from "./statement.ts";
import { createReaderThread } from "./thread/reader-thread.ts";

/** SQL as SQLite wants it. */
export const dialect: Dialect = {
  placeholder,
  isOfKey(alias, organization, name) {
    const spaces = sql`search_spaces where organization = ${organization} and name = ${name}`;
    return sql`${raw(alias)}.space = (select id from ${spaces})`;
  },
  position: "instr",
  isAmong: (expression, texts) =>
    sql`${expression} in (select value from json_each(${JSON.stringify(texts)}))`,
};

/**
 * Search a SQLite database. Statements that read a few rows run on the calling thread; those that may read
 * many run in a thread of their own. A database in memory has only one connection, so all run here.
 *
 * @param db The calling thread's connection.
 */
export function createSqliteSearch(
  { file, place, keysOf }: Pick<Sqlite, "file" | "place" | "keysOf">,
  db: DatabaseSync,
): { readonly search: EventStore["search"]; close(): Promise<void> } {
  const selectHeads = db.prepare(
    `select stream, ${headColumns} from heads
     where stream in (select value from json_each(?)) and organization = ?`,
  );
  const readHere = async (statement: SearchStatement): Promise<Row[]> =>
    withStoreErrors(() => runStatement(db, statement));
  const thread = file === undefined ? undefined : createReaderThread({ file, place });
  const scans = createScanQueue(thread === undefined ? readHere : thread.read);
  return {
    search: createSearch({
      dialect,
      lookUp: readHere,
      scan: scans.add,
      async load(streams, organization) {
        const rows = withStoreErrors(() => selectHeads.all(JSON.stringify(streams), organization));
        return rows.map(streamHeadFromRow);
      },
      keysOf,
    }),
    async close() {
      await scans.close();
      await thread?.close();
    },
  };
}
