import type { NetConnectOpts, Socket } from "node:net";
import { Client } from "pg";
import type { Row } from "../../sql/rows.ts";
import { messageOf, sqlState, sqlStateOf } from "../postgres-error.ts";
import { type BackendKey, requestCancel } from "./cancel-request.ts";
import type { Connection } from "./connection.ts";
import { type Prepared, runPipeline } from "./pipeline.ts";
import { type TlsAttempt, tlsAttempts } from "./tls-attempts.ts";
import type { PostgresHost } from "./url.ts";

/** A server warned during a commit: its standbys may not have it. */
export class CommitWarningError extends Error {
  override readonly name = "CommitWarningError";
}

/** A server sent an error and then ended the connection, as it does after FATAL and PANIC. */
export class BackendEndedError extends Error {
  override readonly name = "BackendEndedError";
}

/** A host that does not answer by then is skipped. */
const connectTimeoutMs = 3_000;
/** The statement timeout does not end a commit that waits for a standby, so we stop waiting by this timer. */
const answerTimeoutMs = 15_000;
/** A server ends a connection within milliseconds. One that hangs must not keep us from stopping, so we end it ourselves. */
const farewellMs = 3_000;
/** After so long without data TCP checks that the other side is still there. */
const keepAliveDelayMs = 10_000;

/** A connection to any server, as it is before anything is known of the server. */
export type Session = Omit<Connection, "identity"> & {
  /** As the server, or a pooler in front of it, sent it at the start. */
  readonly processId: number | undefined;
  whenEnded(listener: () => void): void;
  heedWarnings(isHeeded: boolean): void;
};

/** @throws Error if the host cannot be reached, or refuses us; the message has the reason of each attempt. */
export async function openSession(host: PostgresHost, pipeline: boolean): Promise<Session> {
  const failures: unknown[] = [];
  for (const tls of tlsAttempts(host)) {
    const client = newClient(host, tls, pipeline);
    let isReached = false;
    let key: BackendKey | undefined;
    client.connection.once("connect", () => {
      isReached = true;
    });
    client.connection.once("backendKeyData", (given: BackendKey) => {
      key = given;
    });
    try {
      await client.connect();
      return sessionOf(client, key);
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
  // Without a listener a broken idle connection would end the process.
  client.on("error", () => {});
  return client;
}

/** Whether a server that was reached refused us because it wants TLS, or does not want it. */
function isAboutTls(error: unknown): boolean {
  const code = sqlStateOf(error);
  if (code !== undefined) return code === sqlState.invalidAuthorizationSpecification;
  return messageOf(error) !== "timeout expired";
}

function sessionOf(client: Client, key: BackendKey | undefined): Session {
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
  const prepared: Prepared = new Map();
  const underWay = new Set<Promise<unknown>>();

  function destroy(): void {
    open = false;
    client.connection.stream.destroy();
  }

  async function guarded<Answer>(send: () => Promise<Answer>): Promise<Answer> {
    warning = undefined;
    const sent = send();
    underWay.add(sent);
    try {
      const answer = await sent;
      if (warning !== undefined) throw warning;
      return answer;
    } catch (error) {
      // The connection is still usable only if the server sent the error and did not end the session.
      if (sqlStateOf(error) !== undefined && (await survival())) throw error;
      destroy();
      if (sqlStateOf(error) === undefined) throw error;
      throw new BackendEndedError(`the server ended the connection: ${messageOf(error)}`, {
        cause: error,
      });
    } finally {
      underWay.delete(sent);
    }
  }

  return {
    processId: key?.processID,
    async query(statement) {
      const { rows } = await guarded(() => client.query<Row>(statement));
      return rows;
    },
    run: (statements) => guarded(() => runPipeline(client, prepared, statements)),
    async cancel() {
      if (open && key !== undefined) await requestCancel(addressOf(client), key);
    },
    isOpen: () => open,
    async close() {
      if (!open) return;
      open = false;
      const ended = client.end();
      // Each statement has a timer of its own.
      await Promise.allSettled(underWay);
      const timer = setTimeout(destroy, farewellMs);
      await ended;
      clearTimeout(timer);
    },
    destroy,
    whenEnded: (listener) => void client.once("end", listener),
    heedWarnings(yes) {
      isHeeded = yes;
    },
  };
}

/** Of the server that was reached: a name may stand for several. */
function addressOf({ connection, host, port }: Client): NetConnectOpts {
  if (host.startsWith("/")) return { path: `${host}/.s.PGSQL.${port}` };
  const { remoteAddress, remotePort } = connection.stream as Socket;
  return { host: remoteAddress ?? host, port: remotePort ?? port };
}

/**
 * Find out whether a connection survives an error that the server sent: if it does, the server says that it
 * is ready for the next statement. The severity of the error would show it, too, but it is in the server's
 * language.
 *
 * @returns Resolves as soon as it is known, at the latest after 15 s.
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
