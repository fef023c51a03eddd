import type { DatabaseStatus, StateMark } from "../status.ts";
import type { Connection } from "./connection/connection.ts";
import { connectToPrimary } from "./connection/connector.ts";
import type { Postgres } from "./database.ts";
import { unavailableFrom } from "./postgres-error.ts";

/**
 * Look at a database as it is, whatever its version, while others use it.
 *
 * @throws StoreUnavailableError if it cannot be reached or read.
 * @throws UnsafeServerError if it may lose what it acknowledges.
 */
export async function readPostgresStatus(url: string, counted: StateMark): Promise<DatabaseStatus> {
  const connection = await connectToPrimary(url);
  try {
    const versions = "to_regclass('schema_versions') is not null";
    const isOurs = (await readValue(connection, versions)) === true;
    const count = async (what: string, values: string[] = []) =>
      isOurs ? Number(await readValue(connection, what, values)) : 0;
    return {
      engine: `PostgreSQL ${await readValue(connection, version)}`,
      schemaVersion: await count("(select coalesce(max(version), 0) from schema_versions)"),
      organizations: await count("(select count(*) from organizations)"),
      users: await count("(select count(*) from heads where strpos(state, $1) > 0)", [counted]),
    };
  } catch (error) {
    throw unavailableFrom(error);
  } finally {
    await connection.close();
  }
}

const version = `current_setting('server_version') ||
  coalesce(' with Citus ' || (select extversion from pg_extension where extname = 'citus'), '')`;

/** Such as `18.4`, or `17.10 with Citus 14.0-1`. */
export async function readServerVersion({ read }: Pick<Postgres, "read">): Promise<string> {
  const [row] = await read({ text: `select ${version} as version` });
  return String(row?.version);
}

async function readValue(connection: Connection, expression: string, values: string[] = []) {
  const [row] = await connection.query({ text: `select ${expression} as value`, values });
  return row?.value;
}
