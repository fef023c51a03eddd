import { Socket } from "node:net";
import pg from "pg";
import { StoreUnavailableError } from "../event-store.ts";
import { isReplicationWarning } from "./postgres-error.ts";

/** A statement that the server prepares once per connection. */
export type Statement = { readonly name: string; readonly text: string };

export type Row = Readonly<Record<string, unknown>>;

/** A session on a server that writes. Statements may be sent before earlier ones are answered. */
export type Connection = {
  /** The session is over, or its answers stay away. */
  readonly isLost: boolean;
  /** How many statements have not been answered. */
  readonly pending: number;
  /** How often the server said that a commit might not have been replicated. */
  readonly warnings: number;
  /** @throws Error of the server or the driver, see `failureFromError`. */
  run(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Without parameters; may hold several statements. */
  execute(sql: string): Promise<void>;
  /** Ends at once; what is pending fails. */
  destroy(): void;
  /** Ends when what is pending is answered. */
  close(): Promise<void>;
};

/** Until the session is ready, at each server. A lost packet is sent again within it. */
const connectMs = 1_000;
/** The server gives up before the client does, so that a refusal is definite. */
const statementMs = 4_000;
/** Who has waited this long for an answer takes the connection for lost. */
const answerMs = 5_000;

/** For every session. */
const settings = {
  client_encoding: "UTF8",
  client_connection_check_interval: "1s",
  default_transaction_isolation: "read committed",
  idle_in_transaction_session_timeout: "10s",
  statement_timeout: `${statementMs}ms`,
  tcp_user_timeout: "10s",
};

/** What a session is for. Settings that the server does not know are left out. */
const purposes = {
  reads: { settings, answerMs },
  /**
   * Prepared once, planned once, and always by the keys of the sorted batch: a plan made while a
   * table is empty would else read the whole table for ever.
   */
  batches: {
    settings: {
      ...settings,
      enable_hashjoin: "off",
      enable_mergejoin: "off",
      enable_seqscan: "off",
      jit: "off",
      plan_cache_mode: "force_generic_plan",
    },
    answerMs,
  },
  transactions: { settings, answerMs },
  /** Takes the time it takes. */
  migrations: { settings: { ...settings, statement_timeout: "0" }, answerMs: 0 },
} as const;

export type Purpose = keyof typeof purposes;

const openSession = `
  select current_setting('transaction_read_only') as read_only,
    current_setting('synchronous_commit', true) as synchronous_commit,
    current_setting('fsync', true) as fsync,
    (select count(set_config(name, w.setting, false))
      from unnest($1::text[], $2::text[]) as w (name, setting) join pg_settings using (name))`;

/**
 * Open a session on one server.
 *
 * @param url Of one host.
 * @throws Error of the server or the driver if it cannot be had, or if the server only reads.
 * @throws StoreUnavailableError if a commit there is not durable.
 */
export async function connect(url: string, purpose: Purpose): Promise<Connection> {
  const { settings, answerMs } = purposes[purpose];
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    application_name: "giraffe",
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: true,
    query_timeout: answerMs,
    stream: () => socket,
  });
  let isLost = false;
  let pending = 0;
  let warnings = 0;
  // Without a listener, the end of an idle session would end the process.
  client.on("error", () => {
    isLost = true;
  });
  client.on("end", () => {
    isLost = true;
  });
  client.on("notice", (notice) => {
    if (isReplicationWarning(notice)) warnings += 1;
  });

  async function query(config: pg.QueryConfig): Promise<pg.QueryResult> {
    pending += 1;
    try {
      return await client.query(config);
    } finally {
      pending -= 1;
    }
  }

  const connection: Connection = {
    get isLost() {
      return isLost;
    },
    get pending() {
      return pending;
    },
    get warnings() {
      return warnings;
    },
    async run(statement, values = []) {
      const { rows } = await query({ ...statement, values: [...values] });
      return rows;
    },
    async execute(sql) {
      await query({ text: sql });
    },
    destroy() {
      isLost = true;
      socket.destroy();
    },
    async close() {
      isLost = true;
      await client.end().catch(() => {});
    },
  };

  try {
    await client.connect();
    const [session] = await connection.run({ name: "open_session", text: openSession }, [
      Object.keys(settings),
      Object.values(settings),
    ]);
    assertPrimary(session);
    assertDurable(session);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** A standby, and a primary that is being replaced, are read-only. */
function assertPrimary(session: Row | undefined): void {
  if (session?.read_only === "on") throw new Error("the server is read-only");
}

function assertDurable(session: Row | undefined): void {
  for (const name of ["fsync", "synchronous_commit"]) {
    if (session?.[name] !== "off") continue;
    throw new StoreUnavailableError(
      `PostgreSQL has ${name} = off, with which it may lose changes that were answered: turn it on`,
    );
  }
}
