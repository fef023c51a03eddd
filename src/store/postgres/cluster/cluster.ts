import type { Connection } from "../connection/connection.ts";

/** Citus: PostgreSQL on several nodes, each of which may be asked. */
export type Cluster = {
  /** Whether the node that was asked is the coordinator: only there can tables be made and changed. */
  readonly isCoordinator: boolean;
  /** Number of the nodes that hold parts of tables. */
  readonly nodes: number;
};

/**
 * Find out whether a server is a node of Citus.
 *
 * @returns `undefined` for plain PostgreSQL, also if it has the extension but knows no node.
 */
export async function askCluster(query: Connection["query"]): Promise<Cluster | undefined> {
  const [catalogue] = await query({
    text: "select to_regclass('pg_dist_node') is not null as exists",
  });
  if (catalogue?.exists !== true) return undefined;
  const [row] = await query({
    text: `select (select groupid from pg_dist_local_group) as own, count(*) as nodes
      from pg_dist_node where isactive and noderole = 'primary' and shouldhaveshards`,
  });
  const nodes = Number(row?.nodes);
  return nodes === 0 ? undefined : { isCoordinator: Number(row?.own) === 0, nodes };
}

/** What to do if the schema has to change and the server is no coordinator. */
export const coordinatorNeeded =
  "the schema of this database has to be made or changed, and only the coordinator of Citus can do that: " +
  "start one server with the address of the coordinator in --database, and then the others";
