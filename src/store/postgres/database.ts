import { StoreUnavailableError } from "../event-store.ts";
import type { Row, Statement } from "./connection.ts";
import { type Connector, createConnector } from "./connector.ts";
import { migrate } from "./migrate.ts";
import { storeErrorFrom } from "./postgres-error.ts";
import { createReaders } from "./readers.ts";

/** One database, shared by the event store and the directory. */
export type Postgres = {
  readonly connector: Connector;
  /** As `Readers.read`. */
  read(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>;
  acquire(): void;
  /** Call once for each `acquire`: the last one closes the connections that read. */
  release(): Promise<void>;
};

/**
 * Open a database and bring its schema up to date.
 *
 * @param urls `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, one for each host that may be the
 *   primary.
 * @throws StoreUnavailableError if no host takes connections and writes within 5 s, or if the
 *   database is not durable.
 * @throws Error if the schema is newer than this program.
 */
export async function openPostgres(urls: readonly string[]): Promise<Postgres> {
  const connector = createConnector(urls);
  const connection = await connector.connect("migrations");
  try {
    await migrate(connection);
  } catch (error) {
    throw storeErrorFrom(error);
  } finally {
    await connection.close();
  }
  const readers = createReaders(connector);
  let users = 0;
  let isClosed = false;
  return {
    connector,
    async read(statement, values) {
      if (isClosed) throw new StoreUnavailableError("the store is closed");
      return readers.read(statement, values);
    },
    acquire() {
      users += 1;
    },
    async release() {
      users -= 1;
      if (users > 0) return;
      isClosed = true;
      await readers.close();
    },
  };
}
