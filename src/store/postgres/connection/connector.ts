import { Client, type QueryConfig } from "pg";
import { StoreUnavailableError } from "../../event-store.ts";
import type { Row } from "../../sql/rows.ts";
import { messageOf, sqlState, sqlStateOf, UnsafeServerError } from "../postgres-error.ts";
import { assertSessionsLast } from "./pooler.ts";
import { askIdentity, type ServerIdentity, type ServerMemory } from "./server-memory.ts";
import { type TlsAttempt, tlsAttempts } from "./tls-attempts.ts";
import { hostsOf, type PostgresHost } from "./url.ts";

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
  /** Of the server; `undefined` if it does not tell. */
  readonly identity: ServerIdentity | undefined;
};

export type ConnectionOptions = {
  /** Send statements before earlier ones are answered. */
  readonly pipeline?: boolean;
  /** For statements that write: a warning then ends the connection, for the commit may be in doubt. */
  readonly writes?: boolean;
  /** Of the primaries that were used before; others are refused. Default: any primary will do. */
  readonly memory?: ServerMemory;
};

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
 * Connect to the first host that is a primary, in the order of the URL.
 *
 * node-postgres knows neither several hosts nor `target_session_attrs`.
 *
 * @throws StoreUnavailableError if there is none now; says why of each host.
 * @throws UnsafeServerError if the primary may lose what it acknowledged, or cannot store all texts.
 */
export async function connectToPrimary(
  url: string,
  options: ConnectionOptions = {},
): Promise<Connection> {
  const failures: string[] = [];
  for (const host of hostsOf(url)) {
    try {
      return await connectToHost(host, options);
    } catch (error) {
      if (error instanceof UnsafeServerError) throw error;
      failures.push(`${host.host}: ${messageOf(error)}`);
    }
  }
  throw new StoreUnavailableError(`no primary can be reached (${failures.join("; ")})`);
}

/**
 * Look at all hosts of a URL, and remember the primary with the latest timeline: after a failover the
 * old one may be back, and be named first.
 */
export async function rememberPrimaries(url: string, memory: ServerMemory): Promise<void> {
  const hosts = hostsOf(url);
  if (hosts.length === 1) return;
  const attempts = await Promise.allSettled(hosts.map((host) => connectToHost(host, {})));
  for (const attempt of attempts) {
    if (attempt.status === "rejected") continue;
    const { identity, close } = attempt.value;
    await close();
    if (identity === undefined) continue;
    try {
      memory.admit(identity, () => {})();
    } catch {
      // It is refused again, with words, if it is needed.
    }
  }
}

async function connectToHost(
  host: PostgresHost,
  { pipeline = false, writes = false, memory }: ConnectionOptions,
): Promise<Connection> {
  const session = await openSession(host, pipeline);
  try {
    await assertPrimary(session, () => openSession(host, false));
    await set(session, { ...usualSettings, ...host.settings });
    const identity = await askIdentity(session.query);
    const forget = identity && memory?.admit(identity, session.destroy);
    if (forget !== undefined) session.whenEnded(forget);
    session.heedWarnings(writes);
    return { ...session, identity };
  } catch (error) {
    session.destroy();
    throw error;
  }
}

type Session = Omit<Connection, "identity"> & {
  /** As the server, or a pooler in its place, said at the start. */
  readonly processId: number | undefined;
  whenEnded(listener: () => void): void;
  heedWarnings(isHeeded: boolean): void;
};

/** @throws Error if the host cannot be reached, or does not take us; says why of each way there is. */
async function openSession(host: PostgresHost, pipeline: boolean): Promise<Session> {
  const failures: unknown[] = [];
  for (const tls of tlsAttempts(host)) {
    const client = newClient(host, tls, pipeline);
    let isReached = false;
    let processId: number | undefined;
    client.connection.once("connect", () => {
      isReached = true;
    });
    client.connection.once("backendKeyData", (key: { readonly processID: number }) => {
      processId = key.processID;
    });
    try {
      await client.connect();
      return sessionOf(client, processId);
    } catch (error) {
      client.connection.stream.destroy();
      failures.push(error);
      if (!isReached || !isAboutTls(error)) break;
    }
  }
  throw failures.length === 1 ? failures[0] : new AggregateError(failures);
}

function newClient(host: PostgresHost, tls: TlsAttempt, pipeline: boolean): Client {
  const client = new Client({
    connectionString: host.url,
    ssl: tls,
    pipeline,
    application_name: "giraffe",
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: answerTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
  });
  // Without a listener an idle connection that breaks would end the process.
  client.on("error", () => {});
  return client;
}

/** What a server that was reached says, or does, if it wants TLS, or wants none. */
function isAboutTls(error: unknown): boolean {
  const code = sqlStateOf(error);
  if (code !== undefined) return code === sqlState.invalidAuthorizationSpecification;
  return messageOf(error) !== "timeout expired";
}

function sessionOf(client: Client, processId: number | undefined): Session {
  let open = true;
  let isHeeded = false;
  let warning: CommitWarningError | undefined;
  client.on("error", () => {
    open = false;
  });
  client.on("end", () => {
    open = false;
  });
  client.on("notice", (notice) => {
    if (isHeeded && notice.code === sqlState.warning) {
      warning = new CommitWarningError(notice.message);
    }
  });
  const survival = watchSurvival(client);

  function destroy(): void {
    open = false;
    client.connection.stream.destroy();
  }

  return {
    processId,
    async query(statement) {
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
    },
    isOpen: () => open,
    async close() {
      if (!open) return;
      open = false;
      await client.end();
    },
    destroy,
    whenEnded: (listener) => void client.once("end", listener),
    heedWarnings(yes) {
      isHeeded = yes;
    },
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
 * Of the session, where the engine knows them. Every statement of ours goes by an index: a plan that is
 * kept was made when the table was small, and scanning all of it looked cheap. Up to version 17 a scan
 * that cannot be avoided then looks so dear that the server would compile the statement.
 */
const usualSettings = {
  enable_seqscan: "off",
  jit: "off",
  statement_timeout: String(statementTimeoutMs),
};

/** What is sent at the start of a session would be refused by PgBouncer. */
async function set(session: Session, settings: Readonly<Record<string, string>>): Promise<void> {
  await session.query({
    text: `select count(set_config(s.name, s.value, false))
      from unnest($1::text[], $2::text[]) as s (name, value)
      where s.name in (select p.name from pg_settings p)`,
    values: [Object.keys(settings), Object.values(settings)],
  });
}

/**
 * Look at the server's settings, and at who is in front of it.
 *
 * @param another Makes a second session.
 */
async function assertPrimary(session: Session, another: () => Promise<Session>): Promise<void> {
  const [settings] = await session.query({
    text: `select current_setting('transaction_read_only') as read_only,
      current_setting('synchronous_commit', true) as synchronous_commit,
      current_setting('synchronous_standby_names', true) as standbys,
      current_setting('fsync', true) as fsync,
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
  // A pooler gives a process id of its own making.
  if (Number(settings?.pid) === session.processId) return;
  const other = await another();
  try {
    await assertSessionsLast([session.query, other.query]);
  } finally {
    await other.close();
  }
}
