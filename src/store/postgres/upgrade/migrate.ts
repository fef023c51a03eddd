import { type KeysOf, StoreUnavailableError } from "../../event-store.ts";
import type { UpgradeProgress } from "../../observer.ts";
import { keysOfStep14 } from "../../search/head-keys.ts";
import {
  assertKnownVersion,
  type Migration,
  migrations,
  migrationText,
} from "../../sql/migrations.ts";
import type { UniqueKeysOf } from "../../sql/unique-keys.ts";
import { coordinatorNeeded } from "../cluster/cluster.ts";
import type { Connection } from "../connection/connection.ts";
import { rollBack } from "../connection/transaction.ts";
import { isDuplicate, outcomeFromError, sqlState, sqlStateOf } from "../postgres-error.ts";
import { addKeys } from "./add-keys.ts";
import { indexHeads } from "./index-heads.ts";
import { listHeads } from "./list-heads.ts";
import { renewUniqueKeys } from "./renew-unique-keys.ts";

const folder = new URL("../migrations/", import.meta.url);

/** Other nodes may migrate at the same time. Each of them takes a step before us at most once. */
const maxAttempts = 100;

/** The errors of a node that creates a table which another node has just created. */
const created: readonly (string | undefined)[] = [
  sqlState.duplicateTable,
  sqlState.duplicateObject,
  sqlState.uniqueViolation,
];

/**
 * Bring the schema up to date. Harmless if it is up to date, and if several nodes do it at once.
 *
 * Each step inserts its number in its own transaction, before anything else. The primary key lets one
 * node pass and makes the others wait until it is done, so no lock is needed that an engine might lack.
 *
 * @param keysOf For databases that are older than the index.
 * @param uniqueKeysOf For databases whose unique keys were made by older rules.
 * @param progress Hears of every step of a database that is not new. Default: nobody does.
 * @throws Error if the database is newer than this program.
 */
export async function migrate(
  connection: Connection,
  keysOf: KeysOf<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown> = () => undefined,
  progress: UpgradeProgress = () => {},
): Promise<void> {
  const run = async (migration: Migration, toVersion: number) => {
    for (const text of statementsOf(migration)) {
      await connection.query({ text, query_timeout: patienceMs });
    }
    if (migration.writes === "no keys") return;
    const heard = (heads: number) => progress(toVersion, heads);
    if (migration.writes === "statuses") return listHeads(connection, keysOf, heard);
    if (migration.writes === "new keys") return addKeys(connection, keysOf, keysOfStep14, heard);
    await indexHeads(connection, keysOf);
    if (migration.writes === "all keys") await renewUniqueKeys(connection, uniqueKeysOf);
  };
  let first: number | undefined;
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const version = await schemaVersion(connection);
    first ??= version;
    assertKnownVersion(version);
    const migration = migrations[version];
    if (migration === undefined) return;
    if (first > 0) progress(version + 1, 0);
    await step(connection, version + 1, () => run(migration, version + 1));
  }
  throw new StoreUnavailableError(
    "other servers have been migrating this database all the time: try again when they are done",
  );
}

/** @throws StoreUnavailableError if the database has none of our tables. */
export async function assertSetUp(connection: Connection): Promise<void> {
  if (await isSetUp(connection)) return;
  throw new StoreUnavailableError(
    "there is nothing of Giraffe in this database: serve and org create set one up",
  );
}

/** One statement at a time, because Citus refuses several in one message if they change a distributed table. */
function statementsOf(migration: Migration): string[] {
  return migrationText(migration, folder)
    .split(";\n")
    .filter((text) => text.trim() !== "");
}

/**
 * Check what `migrate` would do, for a node that must not do it.
 *
 * @throws StoreUnavailableError if there is something to do.
 */
export async function assertUpToDate(connection: Connection): Promise<void> {
  const isBehind =
    !(await isSetUp(connection)) || (await schemaVersion(connection)) < migrations.length;
  if (isBehind) throw new StoreUnavailableError(coordinatorNeeded);
}

async function isSetUp(connection: Connection): Promise<boolean> {
  const [table] = await connection.query({
    text: "select to_regclass('schema_versions') is not null as exists",
  });
  return table?.exists === true;
}

/**
 * To write or to index what millions of users have takes longer than a statement of a call may, and so does waiting for
 * another node that does it. If this process ends meanwhile, PostgreSQL notices it within a second, where the system can
 * tell; otherwise it would finish the statement first, and all servers that start would wait for that.
 */
const unhurried = `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;
  do $$ begin
    perform set_config('client_connection_check_interval', '1000', true);
  exception when others then null;
  end $$`;

/** In milliseconds, how long a migration may take. */
const patienceMs = 6 * 3_600_000;

/** Take one step in a transaction. Does nothing if another node takes the step first. */
async function step(
  connection: Connection,
  version: number,
  run: () => Promise<void>,
): Promise<void> {
  await connection.query({ text: "begin" });
  try {
    await connection.query({ text: unhurried });
    await connection.query({
      text: "insert into schema_versions (version) values ($1)",
      values: [version],
      query_timeout: patienceMs,
    });
    await run();
    await connection.query({ text: "commit" });
  } catch (error) {
    if (connection.isOpen()) await rollBack(connection);
    if (!isDuplicate(error) && outcomeFromError(error) !== "retry") throw error;
  }
}

async function schemaVersion(connection: Connection): Promise<number> {
  const text = "create table if not exists schema_versions (version bigint not null primary key)";
  const isThere = await isSetUp(connection);
  try {
    if (!isThere) await connection.query({ text });
  } catch (error) {
    // "if not exists" does not see a table that another transaction is creating.
    if (!created.includes(sqlStateOf(error))) throw error;
  }
  const [row] = await connection.query({
    text: "select coalesce(max(version), 0) as version from schema_versions",
  });
  return Number(row?.version);
}
