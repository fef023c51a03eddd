import { StoreUnavailableError } from "../../event-store.ts";
import type { Connection } from "../connection/connection.ts";
import { rollBack } from "../connection/transaction.ts";
import { type Cluster, coordinatorNeeded } from "./cluster.ts";

/** Where the rows of a table are: all of them on each node, or each on one node, by the hash of a column. */
type Placement = "everywhere" | { readonly by: string; readonly beside?: string };

const besideHeads = { by: "stream", beside: "heads" } as const;

/**
 * Every table, in an order in which they can be distributed. What belongs to a user stands on one node, names
 * by themselves, and what is small everywhere.
 */
export const placements: Readonly<Record<string, Placement>> = {
  schema_versions: "everywhere",
  organizations: "everywhere",
  founded: "everywhere",
  service_accounts: "everywhere",
  tokens: "everywhere",
  memberships: "everywhere",
  imports: "everywhere",
  import_rejects: "everywhere",
  lost_claims: "everywhere",
  last_positions: "everywhere",
  heads: { by: "stream" },
  events: besideHeads,
  search_keys: besideHeads,
  attributes: besideHeads,
  head_counts: besideHeads,
  claims: { by: "name" },
  receipts: { by: "name" },
};

/** With more, batches would be smaller, because a batch changes one shard. With fewer, a node could not be split. */
const shardsPerNode = 2;

/** In milliseconds. Rows that are there already are copied to their nodes. */
const patienceMs = 3_600_000;

/**
 * Distribute the tables over the nodes of a cluster. Harmless if they are, and if several servers do it at once.
 *
 * Each table has a transaction of its own, because a copy everywhere cannot be made after a distributed table in
 * the same one.
 *
 * @throws StoreUnavailableError if a worker is asked, and a table is not distributed.
 */
export async function distribute(connection: Connection, cluster: Cluster): Promise<void> {
  const tables = await undistributed(connection);
  if (tables.length > 0 && !cluster.isCoordinator) {
    throw new StoreUnavailableError(coordinatorNeeded);
  }
  for (const table of tables) {
    try {
      await distributeTable(connection, table, cluster);
    } catch (error) {
      // Another server may have been faster.
      if (!connection.isOpen() || (await undistributed(connection)).includes(table)) throw error;
    }
  }
}

/**
 * The tables of ours that only one node has. The catalogue also lists such tables, if they refer to a table that
 * is everywhere.
 */
async function undistributed(connection: Connection): Promise<string[]> {
  const rows = await connection.query({
    text: `select name from unnest($1::text[]) as t (name)
      where not exists (
        select 1 from pg_dist_partition
        where logicalrelid = to_regclass(name) and (partmethod <> 'n' or repmodel = 't')
      )`,
    values: [Object.keys(placements)],
  });
  const found = new Set(rows.map(({ name }) => name));
  return Object.keys(placements).filter((table) => found.has(table));
}

async function distributeTable(
  connection: Connection,
  table: string,
  { nodes }: Cluster,
): Promise<void> {
  await connection.query({ text: "begin" });
  try {
    await connection.query({ text: "set local statement_timeout = 0" });
    await connection.query({ ...callFor(table, nodes), query_timeout: patienceMs });
    await connection.query({ text: "commit" });
  } catch (error) {
    if (connection.isOpen()) await rollBack(connection);
    throw error;
  }
}

function callFor(table: string, nodes: number) {
  const placement = placements[table];
  if (placement === undefined || placement === "everywhere") {
    return { text: "select create_reference_table($1)", values: [table] };
  }
  const { by, beside } = placement;
  if (beside !== undefined) {
    return {
      text: "select create_distributed_table($1, $2, colocate_with => $3)",
      values: [table, by, beside],
    };
  }
  return {
    text: `select create_distributed_table($1, $2, colocate_with => 'none', shard_count => $3::integer)`,
    values: [table, by, shardsPerNode * nodes],
  };
}
