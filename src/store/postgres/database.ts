import { StoreOverloadedError, StoreUnavailableError } from "../event-store.ts";
import { connectToPrimary, type Row, type Statement, UnsafeServerError } from "./connector.ts";
import { createLink, type Link } from "./link.ts";
import { migrate } from "./migrate.ts";
import { fateFromError, unavailableFrom } from "./postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";

/** One database, shared by the event store and the directory. */
export type Postgres = {
  /**
   * Read. Sent again if the connection is lost.
   *
   * @throws StoreUnavailableError if the database cannot be read.
   * @throws StoreOverloadedError if too many statements wait for an answer.
   */
  read(statement: Statement): Promise<Row[]>;
  /** A connection for statements that write; each `link` is another one. */
  link(): Link;
  acquire(): void;
  /** Call once for each `acquire`: the last one closes the connections. */
  release(): Promise<void>;
};

/** Reads are bound by the processor of one node and of the server, not by round trips. */
const readConnections = 2;
/** Statements that wait on a connection: about a tenth of a second of work. */
const maxWaiting = 512;
const retryAfterMs = 1_000;

/**
 * Open a database, and bring its schema up to date.
 *
 * @param url Such as `postgres://user:password@host1,host2/database`.
 * @throws StoreUnavailableError if no primary can be reached.
 * @throws UnsafeServerError if it runs with `synchronous_commit = off` or `fsync = off`.
 * @throws Error if the database's schema is newer than this program.
 */
export async function openPostgres(url: string): Promise<Postgres> {
  const first = await connectToPrimary(url);
  try {
    await migrate(first);
  } finally {
    await first.close();
  }

  const readers = Array.from({ length: readConnections }, () => ({
    link: createLink(() => connectToPrimary(url, { pipeline: true }).catch(asUnavailable)),
    waiting: 0,
  }));
  const writers: Link[] = [];
  let users = 0;

  async function readOnce(statement: Statement): Promise<Row[]> {
    const reader = readers.reduce((best, next) => (next.waiting < best.waiting ? next : best));
    if (reader.waiting >= maxWaiting) {
      throw new StoreOverloadedError(
        `${maxWaiting} statements wait on each of ${readConnections} connections`,
        retryAfterMs,
      );
    }
    reader.waiting += 1;
    try {
      return await (await reader.link.get()).query(statement);
    } finally {
      reader.waiting -= 1;
    }
  }

  return {
    async read(statement) {
      for (let retries = 0; ; retries += 1) {
        try {
          return await readOnce(statement);
        } catch (error) {
          const fate = isOurs(error) ? "bug" : fateFromError(error);
          if (fate === "bug") throw error;
          if (fate === "unavailable" || retries === maxRetries) throw unavailableFrom(error);
        }
        await pauseBeforeRetry();
      }
    },
    link() {
      const link = createLink(() => connectToPrimary(url).catch(asUnavailable));
      writers.push(link);
      return link;
    },
    acquire() {
      users += 1;
    },
    async release() {
      users -= 1;
      if (users > 0) return;
      await Promise.all(
        [...readers.map(({ link }) => link), ...writers].map((link) => link.close()),
      );
    },
  };
}

function isOurs(error: unknown): boolean {
  return error instanceof StoreUnavailableError || error instanceof StoreOverloadedError;
}

/** A server that was safe at the start may be restarted with other settings. */
function asUnavailable(error: unknown): never {
  throw error instanceof UnsafeServerError ? unavailableFrom(error) : error;
}
