import type { DatabaseSync } from "node:sqlite";
import type { EventStore } from "../event-store.ts";
import { type Dialect, isOwned } from "../search/condition-sql.ts";
import { momentDigits } from "../search/head-keys.ts";
import { createScanQueue } from "../search/scan-queue.ts";
import { createSearch } from "../search/search-heads.ts";
import type { SearchStatement } from "../search/search-sql.ts";
import type { SearchScope } from "../search.ts";
import { streamHeadFromRow } from "../sql/head-pages.ts";
import { headColumns, type Row } from "../sql/rows.ts";
import { raw, type Sql, sql } from "../sql/sql.ts";
import type { Sqlite } from "./database.ts";
import { withStoreErrors } from "./sqlite-error.ts";
import { placeholder, readRows, runStatement } from "./statement.ts";
import { createReaderThread } from "./thread/reader-thread.ts";
import { awaitedFunction } from "./thread/reads.ts";

/** SQL as SQLite wants it. */
export const dialect: Dialect = {
  placeholder,
  isOfKey(alias, owners, name) {
    const isOfOwners = isOwned(dialect, raw("organization"), owners);
    const spaces = sql`select id from search_spaces where ${isOfOwners} and name = ${name}`;
    return typeof owners === "string"
      ? sql`${raw(alias)}.space = (${spaces})`
      : sql`${raw(alias)}.space in (${spaces})`;
  },
  moment: (alias) => raw(`printf('%0${momentDigits}d', ${alias}.created_at)`),
  position: "instr",
  isAmong: (expression, texts) =>
    sql`${expression} in (select value from json_each(${JSON.stringify(texts)}))`,
};

/** Random, so that one row in 1,024 is asked about, whichever rows the statement reads. */
const isAwaited = `(random() & 1023 <> 0 or ${awaitedFunction}())`;

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
      ...(thread !== undefined && { scanDialect: { ...dialect, isAwaited } }),
      lookUp: readHere,
      scan: scans.add,
      async load(streams, owners) {
        const rows = withStoreErrors(() =>
          typeof owners === "string"
            ? selectHeads.all(JSON.stringify(streams), owners)
            : readRows(db, headsWithin(streams, owners)),
        );
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

function headsWithin(streams: readonly string[], owners: SearchScope): Sql {
  const isWithin = isOwned(dialect, raw("organization"), owners);
  const isWanted = dialect.isAmong(raw("stream"), streams);
  return sql`select stream, ${raw(headColumns)} from heads where ${isWanted} and ${isWithin}`;
}
