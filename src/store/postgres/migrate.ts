import { readFileSync } from "node:fs";
import { type KeysOf, StoreUnavailableError } from "../event-store.ts";
import type { UniqueKeysOf } from "../sql/unique-keys.ts";
import type { Connection } from "./connection/connector.ts";
import { indexHeads } from "./index-heads.ts";
import { isDuplicate, outcomeFromError, sqlState, sqlStateOf } from "./postgres-error.ts";
import { renewUniqueKeys } from "./renew-unique-keys.ts";

type Migration = (
  connection: Connection,
  keysOf: KeysOf<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown>,
) => Promise<void>;

/** In order; append only. Number n leads from version n - 1 of the schema to version n. */
const migrations: readonly Migration[] = [
  (connection) => runFile(connection, "001.sql"),
  (connection) => runFile(connection, "002.sql"),
  // Step 4 writes the index.
  (connection) => runFile(connection, "003.sql"),
  async (connection, keysOf, uniqueKeysOf) => {
    await runFile(connection, "004.sql");
    await indexHeads(connection, keysOf);
    await renewUniqueKeys(connection, uniqueKeysOf);
  },
  (connection) => runFile(connection, "005.sql"),
];

/** Other nodes that migrate at the same time; each of them is slower at most once per step. */
const maxAttempts = 100;

/** What the loser of a race to create the same table is told. */
const created: readonly (string | undefined)[] = [
  sqlState.duplicateTable,
  sqlState.duplicateObject,
  sqlState.uniqueViolation,
];

/**
 * Bring the schema up to date. Harmless when it is, and when several nodes do it at once.
 *
 * Each step inserts its number in its own transaction, before anything else: the primary key lets one
 * node pass, and the others wait for it, without any lock that an engine might not have.
 *
 * @param keysOf For streams that are older than the index.
 * @param uniqueKeysOf For streams that are older than how their names are folded.
 * @throws Error if the database is newer than this program.
 */
export async function migrate(
  connection: Connection,
  keysOf: KeysOf<unknown>,
  uniqueKeysOf: UniqueKeysOf<unknown> = () => undefined,
): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const version = await schemaVersion(connection);
    if (version > migrations.length) {
      throw new Error(
        `the database has schema version ${version}, but this version of Giraffe knows only ` +
          `up to ${migrations.length}: run the newer Giraffe that wrote it`,
      );
    }
    const migration = migrations[version];
    if (migration === undefined) return;
    await step(connection, version + 1, () => migration(connection, keysOf, uniqueKeysOf));
  }
  throw new StoreUnavailableError("other nodes migrate the database without an end");
}

/** @throws StoreUnavailableError if the database has none of our tables. */
export async function assertSetUp(connection: Connection): Promise<void> {
  if (await isSetUp(connection)) return;
  throw new StoreUnavailableError(
    "there is nothing of Giraffe in this database: serve and org create set one up",
  );
}

async function isSetUp(connection: Connection): Promise<boolean> {
  const [table] = await connection.query({
    text: "select to_regclass('schema_versions') is not null as exists",
  });
  return table?.exists === true;
}

/** Does nothing if another node takes the step first. */
async function step(
  connection: Connection,
  version: number,
  run: () => Promise<void>,
): Promise<void> {
  await connection.query({ text: "begin" });
  try {
    await connection.query({
      text: "insert into schema_versions (version) values ($1)",
      values: [version],
    });
    await run();
    await connection.query({ text: "commit" });
  } catch (error) {
    if (connection.isOpen()) await connection.query({ text: "rollback" });
    if (!isDuplicate(error) && outcomeFromError(error) !== "retry") throw error;
  }
}

async function runFile(connection: Connection, name: string): Promise<void> {
  const text = readFileSync(new URL(`migrations/${name}`, import.meta.url), "utf8");
  await connection.query({ text });
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
