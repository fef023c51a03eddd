import type { KeysOf } from "../../event-store.ts";
import type { UpgradeProgress } from "../../observer.ts";
import type { UniqueKeysOf } from "../../sql/unique-keys.ts";
import { askCluster, type Cluster } from "../cluster/cluster.ts";
import { assertNodesAreSafe } from "../cluster/cluster-settings.ts";
import { distribute } from "../cluster/distribute.ts";
import type { Connection } from "../connection/connection.ts";
import type { ConnectionOptions } from "../connection/connector.ts";
import { assertCommitsGetThrough } from "../connection/standby-probe.ts";
import { assertSetUp, assertUpToDate, migrate } from "./migrate.ts";

/** As `openPostgres` takes them. */
type Preparation = {
  readonly keysOf: KeysOf<unknown>;
  readonly uniqueKeysOf: UniqueKeysOf<unknown>;
  readonly mayCreate: boolean;
  readonly upgrading: UpgradeProgress | undefined;
};

/**
 * Check that a database is safe, bring its schema up to date, and distribute its tables if it has several nodes.
 *
 * @returns Its nodes; `undefined` if it has only one.
 * @throws As `openPostgres`.
 */
export async function prepareDatabase(
  connect: (options?: ConnectionOptions) => Promise<Connection>,
  { keysOf, uniqueKeysOf, mayCreate, upgrading }: Preparation,
): Promise<Cluster | undefined> {
  const first = await connect({ writes: true });
  try {
    if (!mayCreate) await assertSetUp(first);
    await assertCommitsGetThrough(first, connect);
    const cluster = await askCluster(first.query);
    if (cluster !== undefined) await assertNodesAreSafe(first.query);
    if (cluster?.isCoordinator === false) await assertUpToDate(first);
    else await migrate(first, keysOf, uniqueKeysOf, upgrading);
    if (cluster !== undefined) await distribute(first, cluster);
    return cluster;
  } finally {
    await first.close();
  }
}
