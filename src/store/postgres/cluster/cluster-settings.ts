import type { Connection } from "../connection/connection.ts";
import { UnsafeServerError } from "../postgres-error.ts";

/** Values by the names of settings. On a node without the extension, the settings of the extension are missing. */
type Settings = Readonly<Record<string, string | undefined>>;

type Rule = {
  readonly isBroken: (settings: Settings) => boolean;
  /** What may happen, and what to do. */
  readonly text: string;
};

/** Every node must keep these, because each commits its part of a change. */
const ruleOfNodes: readonly Rule[] = [
  {
    isBroken: ({ fsync }) => fsync === "off",
    text: "runs with fsync = off and may lose what it has acknowledged: turn it on",
  },
  {
    isBroken: ({ data_sync_retry }) => data_sync_retry === "on",
    text: "runs with data_sync_retry = on and may lose what it has acknowledged when its disk fails: turn it off",
  },
  {
    isBroken: ({ synchronous_commit }) => synchronous_commit === "off",
    text: "runs with synchronous_commit = off and may lose what it has acknowledged: turn it on",
  },
  {
    isBroken: ({ synchronous_commit, synchronous_standby_names: names }) =>
      synchronous_commit === "local" && Boolean(names),
    text:
      "runs with synchronous_commit = local beside synchronous_standby_names, and a failover may lose " +
      "what it has acknowledged: set synchronous_commit to on, also for the role and the database",
  },
  {
    isBroken: ({ max_prepared_transactions }) => max_prepared_transactions === "0",
    text:
      "runs with max_prepared_transactions = 0, so no change of a user name can be stored: set it to " +
      "the value of max_connections, and restart the node",
  },
  {
    isBroken: ({ server_encoding }) => server_encoding !== "UTF8",
    text:
      "has this database in an encoding that lacks most names: make the database anew on all nodes, with " +
      "create database NAME encoding 'UTF8' template template0",
  },
];

/** The node that is asked must keep these, and any may be asked. */
const rulesOfCitus: readonly Rule[] = [
  {
    isBroken: (settings) => settings["citus.use_secondary_nodes"] === "always",
    text:
      "runs with citus.use_secondary_nodes = always, so it reads what is older than the last change: set it " +
      "to never",
  },
  {
    isBroken: (settings) => (settings["citus.limit_clause_row_fetch_count"] ?? "-1") !== "-1",
    text: "runs with citus.limit_clause_row_fetch_count, so pages of lists lack entries: reset it",
  },
  {
    isBroken: (settings) => settings["citus.recover_2pc_interval"] === "-1",
    text:
      "runs with citus.recover_2pc_interval = -1, so a change that a crash interrupts is never finished: " +
      "reset it",
  },
  {
    isBroken: (settings) => (settings["citus.shard_replication_factor"] ?? "1") !== "1",
    text:
      "runs with citus.shard_replication_factor, and copies of a shard may differ after a failure: set it to " +
      "1, and replicate each node as PostgreSQL does",
  },
  {
    isBroken: (settings) => settings["citus.all_modifications_commutative"] === "on",
    text:
      "runs with citus.all_modifications_commutative = on, so two changes may be stored in different orders " +
      "on two nodes: turn it off",
  },
];

const names = [
  ...["fsync", "synchronous_commit", "synchronous_standby_names"],
  ...["max_prepared_transactions", "server_encoding", "data_sync_retry"],
  ...["citus.use_secondary_nodes", "citus.limit_clause_row_fetch_count"],
  ...["citus.recover_2pc_interval", "citus.shard_replication_factor"],
  "citus.all_modifications_commutative",
];

/** @returns What is wrong with the settings of a node, and what to do; `undefined` if nothing is. */
export function problemOfNode(node: string, settings: Settings): string | undefined {
  const broken = [...ruleOfNodes, ...rulesOfCitus].find(({ isBroken }) => isBroken(settings));
  return broken && `the node ${node} of Citus ${broken.text}`;
}

/**
 * Check the settings of every node that answers. One that is gone is checked by nobody, but servers that start
 * later look again.
 *
 * @throws UnsafeServerError if a node may lose what it acknowledges, or show it in another order.
 */
export async function assertNodesAreSafe(query: Connection["query"]): Promise<void> {
  const rows = await query({
    text: `select n.nodename || ':' || n.nodeport as node, r.result
      from run_command_on_all_nodes($1) r join pg_dist_node n using (nodeid) where r.success`,
    values: [
      `select json_object_agg(name, setting) from pg_settings where name in (${names
        .map((name) => `'${name}'`)
        .join(", ")})`,
    ],
  });
  for (const { node, result } of rows) {
    const problem = problemOfNode(String(node), JSON.parse(String(result)) as Settings);
    if (problem !== undefined) throw new UnsafeServerError(problem);
  }
}
