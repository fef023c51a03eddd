import { Client, type ClientConfig, type QueryConfig } from "pg";
import { StoreUnavailableError } from "../event-store.ts";
import type { Row } from "../rows.ts";
import { messageOf, sqlState, sqlStateOf } from "./postgres-error.ts";

/** A statement with a name is prepared once per connection. */
export type Statement = QueryConfig;

/** A connection to a primary. */
export type Connection = {
  /**
   * Run statements one after another; several may be sent before the first is answered. Whatever
   * ends the connection, or more than 15 s without an answer, rejects all that was sent.
   *
   * @returns The rows.
   * @throws CommitWarningError if the server answered, but would not vouch for the commit.
   * @throws BackendEndedError if the server answered with an error, and the connection has ended.
   */
  query(statement: Statement): Promise<Row[]>;
  isOpen(): boolean;
  /** Lets what was sent be answered. */
  close(): Promise<void>;
  /** At once; the server may not have done yet what it was sent. */
  destroy(): void;
};

/** The server runs with a setting that loses what was acknowledged. */
export class UnsafeServerError extends Error {
  override readonly name = "UnsafeServerError";
}

/** A server warned during a commit: its standbys may not have it. */
export class CommitWarningError extends Error {
  override readonly name = "CommitWarningError";
}

/** A server sent an error and then ended the connection, as it does after FATAL and PANIC. */
export class BackendEndedError extends Error {
  override readonly name = "BackendEndedError";
}

/** A host that does not answer by then is passed over. */
const connectTimeoutMs = 3_000;
/** Longer than a batch, or a migration of an empty database, takes on a loaded server. */
const statementTimeoutMs = 5_000;
/** The statement timeout does not end a commit that waits for a standby; this timer does, for us. */
const answerTimeoutMs = 15_000;
/** Of silence, before TCP asks whether the other side is there. */
const keepAliveDelayMs = 10_000;

/**
 * Split a URL that names several hosts into one for each.
 *
 * @param url Such as `postgres://user:password@host1:5432,host2/database?target_session_attrs=read-write`.
 */
export function hostsOf(url: string): { readonly host: string; readonly url: string }[] {
  const [, before = "", hosts = "", after = ""] =
    /^([a-z]+:\/\/(?:[^/?]*@)?)([^/?]*)(.*)$/s.exec(url) ?? [];
  return hosts.split(",").map((host) => ({ host, url: before + host + after }));
}

/**
 * Connect to the first host that is a primary, in the order of the URL.
 *
 * node-postgres knows neither several hosts nor `target_session_attrs`.
 *
 * @throws StoreUnavailableError if there is none now; says why of each host.
 * @throws UnsafeServerError if the primary may lose what it acknowledged.
 */
export async function connectToPrimary(
  url: string,
  { pipeline = false }: { readonly pipeline?: boolean } = {},
): Promise<Connection> {
  const failures: string[] = [];
  for (const { host, url: connectionString } of hostsOf(url)) {
    try {
      return await connect({
        connectionString,
        pipeline,
        application_name: "giraffe",
        connectionTimeoutMillis: connectTimeoutMs,
        statement_timeout: statementTimeoutMs,
        query_timeout: answerTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelayMillis: keepAliveDelayMs,
      });
    } catch (error) {
      if (error instanceof UnsafeServerError) throw error;
      failures.push(`${host}: ${messageOf(error)}`);
    }
  }
  throw new StoreUnavailableError(`no primary can be reached (${failures.join("; ")})`);
}

async function connect(config: ClientConfig & { pipeline: boolean }): Promise<Connection> {
  const client = new Client(config);
  let open = true;
  let warning: CommitWarningError | undefined;
  // Without a listener an idle connection that breaks would end the process.
  client.on("error", () => {
    open = false;
  });
  client.on("end", () => {
    open = false;
  });
  const survival = watchSurvival(client);
  client.on("notice", (notice) => {
    if (notice.code === sqlState.warning) warning = new CommitWarningError(notice.message);
  });

  function destroy(): void {
    open = false;
    client.connection.stream.destroy();
  }

  async function query(statement: Statement): Promise<Row[]> {
    warning = undefined;
    try {
      const { rows } = await client.query<Row>(statement);
      if (warning !== undefined) throw warning;
      return rows;
    } catch (error) {
      // Only an error that the server sent, and that leaves it there, leaves the connection usable.
      if (sqlStateOf(error) !== undefined && (await survival())) throw error;
      destroy();
      if (sqlStateOf(error) === undefined) throw error;
      throw new BackendEndedError(`the server ended the connection: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  try {
    await client.connect();
    await assertPrimary(query);
  } catch (error) {
    destroy();
    throw error;
  }
  return {
    query,
    isOpen: () => open,
    async close() {
      if (!open) return;
      open = false;
      await client.end();
    },
    destroy,
  };
}

/**
 * Tell whether a connection goes on after an error that the server sent: it then says that it is ready
 * for the next statement. The severity of the error would tell, too, but it is in the server's language.
 *
 * @returns Resolves as soon as it is known, at the latest after 15 s without a word.
 */
function watchSurvival(client: Client): () => Promise<boolean> {
  let isReady = true;
  let hasEnded = false;
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  client.connection.on("errorMessage", () => {
    isReady = false;
  });
  client.connection.on("readyForQuery", () => {
    isReady = true;
    wake();
  });
  client.connection.on("end", () => {
    hasEnded = true;
    wake();
  });
  return async () => {
    if (!isReady && !hasEnded) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      const timer = setTimeout(resolve, answerTimeoutMs);
      await promise;
      clearTimeout(timer);
    }
    return isReady;
  };
}

/**
 * Off for the session, where the engine knows them. Every statement of ours goes by an index: a plan
 * that is kept was made when the table was small, and scanning all of it looked cheap. Up to version
 * 17 a scan that cannot be avoided then looks so dear that the server would compile the statement.
 */
const switchedOff = ["enable_seqscan", "jit"];

/** Look at the server's settings, and make those of the session. */
async function assertPrimary(query: Connection["query"]): Promise<void> {
  const [settings] = await query({
    text: `select current_setting('transaction_read_only') as read_only,
      current_setting('synchronous_commit', true) as synchronous_commit,
      current_setting('fsync', true) as fsync,
      (select count(set_config(name, 'off', false)) from pg_settings where name = any ($1::text[]))`,
    values: [switchedOff],
  });
  if (settings?.read_only === "on") throw new Error("it only reads, so it is not the primary");
  for (const name of ["synchronous_commit", "fsync"]) {
    if (settings?.[name] !== "off") continue;
    throw new UnsafeServerError(
      `PostgreSQL runs with ${name} = off and may lose what it has acknowledged: turn it on`,
    );
  }
}
