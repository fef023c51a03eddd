import { UnsafeServerError } from "../postgres-error.ts";
import { assertSessionsLast } from "./pooler.ts";
import type { Session } from "./session.ts";

/** Longer than a batch, or a migration of an empty database, takes on a loaded server. */
const statementTimeoutMs = 5_000;

/** Shorter than the time that a statement has, so that a node that hangs does not use up all of it. */
const nodeTimeoutMs = 2_000;

/**
 * Settings of every session, if the engine knows them. All our statements use an index, but a plan that was
 * cached while a table was small may scan the whole table, so such scans are off. Up to version 17 a scan
 * that cannot be avoided then looks so expensive that the server would compile the statement, so that is off,
 * too.
 */
export const usualSettings = {
  enable_seqscan: "off",
  jit: "off",
  statement_timeout: String(statementTimeoutMs),
  // How long a node of Citus waits for another one that does not answer.
  "citus.node_connection_timeout": String(nodeTimeoutMs),
};

/**
 * If a connection is lost between two statements of a transaction and the server does not notice, the locks are held
 * no longer than this. Who wants them next waits for that. A statement of ours follows the one before it within
 * milliseconds.
 */
const idleTransactionTimeoutMs = 2_000;

/** Settings of sessions that write, beside the usual ones. */
export const writerSettings = {
  idle_in_transaction_session_timeout: String(idleTransactionTimeoutMs),
};

/**
 * Settings of sessions that write which a role, a database or a URL must not change. A warning is all that tells of a
 * commit that the standbys, or a node of a cluster, may not have.
 */
export const fixedWriterSettings = { client_min_messages: "warning" };

/** Set settings by a statement, because PgBouncer refuses unknown ones at the start of a session. */
export async function applySettings(
  session: Session,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await session.query({
    text: `select count(set_config(s.name, s.value, false))
      from unnest($1::text[], $2::text[]) as s (name, value)
      where s.name in (select p.name from pg_settings p)`,
    values: [Object.keys(settings), Object.values(settings)],
  });
}

/**
 * Check that the server is a primary with safe settings, and that a pooler in front of it is usable.
 *
 * @param another Makes a second session.
 */
export async function assertPrimary(
  session: Session,
  another: () => Promise<Session>,
): Promise<void> {
  const [settings] = await session.query({
    text: `select current_setting('transaction_read_only') as read_only,
      current_setting('synchronous_commit', true) as synchronous_commit,
      current_setting('synchronous_standby_names', true) as standbys,
      current_setting('fsync', true) as fsync,
      current_setting('data_sync_retry', true) as data_sync_retry,
      current_setting('server_encoding', true) as encoding,
      pg_backend_pid() as pid`,
  });
  if (settings?.read_only === "on") throw new Error("it only reads, so it is not the primary");
  for (const name of ["synchronous_commit", "fsync"]) {
    if (settings?.[name] !== "off") continue;
    throw new UnsafeServerError(
      `PostgreSQL runs with ${name} = off and may lose what it has acknowledged: turn it on`,
    );
  }
  if (settings?.data_sync_retry === "on") {
    throw new UnsafeServerError(
      "PostgreSQL runs with data_sync_retry = on and may lose what it has acknowledged when its disk fails: turn it off",
    );
  }
  if (settings?.synchronous_commit === "local" && settings.standbys) {
    throw new UnsafeServerError(
      "PostgreSQL runs with synchronous_commit = local beside synchronous_standby_names, and a " +
        "failover may lose what it has acknowledged: set synchronous_commit to on, also for the " +
        "role and the database",
    );
  }
  const { encoding } = settings ?? {};
  if (typeof encoding === "string" && encoding !== "UTF8") {
    throw new UnsafeServerError(
      `the database has the encoding ${encoding}, which lacks most names: make a new one, with ` +
        "create database NAME encoding 'UTF8' template template0",
    );
  }
  // A pooler sends a process id of its own, which differs from that of the backend.
  if (Number(settings?.pid) === session.processId) return;
  const other = await another();
  try {
    await assertSessionsLast([session.query, other.query]);
  } finally {
    await other.close();
  }
}
