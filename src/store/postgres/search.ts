import type { EventStore } from "../event-store.ts";
import type { Dialect } from "../search/condition-sql.ts";
import { createScanQueue } from "../search/scan-queue.ts";
import { createSearch } from "../search/search-heads.ts";
import { streamHeadFromRow } from "../sql/head-pages.ts";
import { headColumns } from "../sql/rows.ts";
import { raw, sql } from "../sql/sql.ts";
import type { Postgres } from "./database.ts";
import { keyBytes } from "./key-rows.ts";
import { placeholder } from "./statement.ts";

/** SQL as PostgreSQL wants it. */
export const dialect: Dialect = {
  placeholder,
  isOfKey(alias, organization, name) {
    const row = raw(alias);
    return sql`${row}.organization = ${organization} and ${row}.name = ${name}`;
  },
  position: "strpos",
  isAmong: (expression, texts) => sql`${expression} = any (${texts}::text[])`,
  keyBytes,
};

/** Search a PostgreSQL database. Statements that may read many rows use a connection of their own. */
export function createPostgresSearch(database: Postgres): {
  readonly search: EventStore["search"];
  close(): Promise<void>;
} {
  const scans = createScanQueue(database.scan);
  return {
    search: createSearch({
      dialect,
      lookUp: (statement) => database.read(statement),
      scan: scans.add,
      async load(streams, organization) {
        const rows = await database.read({
          name: "search-heads",
          text: `select stream, ${headColumns} from heads
            where stream = any ($1::text[]) and organization = $2`,
          values: [streams, organization],
        });
        return rows.map(streamHeadFromRow);
      },
      keysOf: database.keysOf,
    }),
    close: scans.close,
  };
}
