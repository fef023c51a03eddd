import type { EventStore } from "../event-store.ts";
import { type Dialect, isOwned } from "../search/condition-sql.ts";
import { momentDigits } from "../search/head-keys.ts";
import { createScanQueue } from "../search/scan-queue.ts";
import { createSearch } from "../search/search-heads.ts";
import type { SearchStatement } from "../search/search-sql.ts";
import type { SearchScope } from "../search.ts";
import { streamHeadFromRow } from "../sql/head-pages.ts";
import { headColumns } from "../sql/rows.ts";
import { raw, type SqlStatement, sql } from "../sql/sql.ts";
import type { Statement } from "./connection/connection.ts";
import type { Postgres } from "./database.ts";
import { keyBytes } from "./keys/key-rows.ts";
import { keySpace, keySpaceSql } from "./keys/key-space.ts";
import { createPartedSearch } from "./shards/parted-search.ts";
import { laneOfAll } from "./shards/shard-map.ts";
import { placeholder, statementOf } from "./statement.ts";

/** SQL as PostgreSQL wants it. */
export const dialect: Dialect = {
  placeholder,
  isOfKey(alias, owners, name) {
    const space = raw(`${alias}.space`);
    if (typeof owners === "string") return sql`${space} = ${keySpace(owners, name)}::bigint`;
    if ("everyOrganization" in owners) {
      const spaces = raw(`select ${keySpaceSql(name)} from head_counts`);
      return sql`${space} in (${spaces})`;
    }
    return sql`${space} = any (${owners.map((each) => keySpace(each, name))}::bigint[])`;
  },
  // Not equality, because the primary key is in the order of the ids, too, and may have to be read from one end to the
  // other until a stream of the organization is found.
  isOfOwner: (organization, owner) =>
    sql`${organization} >= ${owner} and ${organization} <= ${owner}`,
  moment: (alias) => raw(`lpad(${alias}.created_at::text, ${momentDigits}, '0')`),
  position: "strpos",
  isAmong: (expression, texts) => sql`${expression} = any (${texts}::text[])`,
  keyBytes,
};

const distributedDialect: Dialect = { ...dialect, isDistributed: true };

/** Search a PostgreSQL database. Statements that may read many rows use a connection of their own. */
export function createPostgresSearch(database: Postgres): {
  readonly search: EventStore["search"];
  close(): Promise<void>;
} {
  const { lookUp, scan, loadRows } = waysOf(database);
  const scans = createScanQueue(scan);
  return {
    search: createSearch({
      dialect: database.isCluster ? distributedDialect : dialect,
      lookUp,
      scan: scans.add,
      async load(streams, owners) {
        const rows = await loadRows(streams, (some) => headsWithin(some, owners));
        return rows.map(streamHeadFromRow);
      },
      keysOf: database.keysOf,
    }),
    close: scans.close,
  };
}

type Wanted = (streams: readonly string[]) => Statement & SqlStatement;

/** How statements are run: by the server, or first by the nodes that have the parts of distributed tables. */
function waysOf(database: Postgres) {
  const { read, scan } = database;
  const parted = createPartedSearch(database);
  if (parted === undefined) {
    return {
      lookUp: (statement: SearchStatement) => read(statement),
      scan: (statement: SearchStatement, signal?: AbortSignal) => scan(statement, signal),
      loadRows: (streams: readonly string[], wanted: Wanted) => read(wanted(streams)),
    };
  }

  // A statement for the whole waits for all nodes.
  async function ofWhole<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const problem = database.hanging?.problem();
    if (problem !== undefined) throw problem;
    return ask();
  }
  const readWhole = (statement: Statement) => ofWhole(() => read(statement, laneOfAll));
  return {
    lookUp: async (statement: SearchStatement) =>
      (await parted.lookUp(statement)) ?? readWhole(statement),
    scan: async (statement: SearchStatement, signal?: AbortSignal) =>
      (await parted.scan(statement, signal)) ?? ofWhole(() => scan(statement, signal)),
    loadRows: async (streams: readonly string[], wanted: Wanted) =>
      (await parted.load(streams, wanted)) ?? readWhole(wanted(streams)),
  };
}

/** For one organization, which is nearly always, the statement is prepared once. */
function headsWithin(streams: readonly string[], owners: SearchScope) {
  const isWithin = isOwned(dialect, raw("organization"), owners);
  const isWanted = dialect.isAmong(raw("stream"), streams);
  const columns = raw(`stream, ${headColumns}`);
  const statement = statementOf(
    sql`select ${columns} from heads where ${isWanted} and ${isWithin}`,
  );
  return typeof owners === "string" ? { name: "search-heads", ...statement } : statement;
}
