import { StoreOverloadedError } from "../event-store.ts";
import type { Row } from "../sql/rows.ts";
import type { Connection, Statement } from "./connection/connection.ts";
import { createLink } from "./connection/link.ts";

/** Two are enough, because the processors of the node and the server limit reads, not round trips. */
const readConnections = 2;
/** Statements that may wait on a connection, which is about a tenth of a second of work. */
const maxWaiting = 512;
const retryAfterMs = 1_000;

/** Connections that read. */
export type Readers = {
  /** @throws StoreOverloadedError if too many statements wait for an answer. */
  read(statement: Statement): Promise<Row[]>;
  close(): Promise<void>;
};

/** @param connect Makes a connection that sends statements before earlier ones are answered. */
export function createReaders(connect: () => Promise<Connection>): Readers {
  const readers = Array.from({ length: readConnections }, () => ({
    link: createLink(connect),
    waiting: 0,
  }));

  return {
    async read(statement) {
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
    },

    async close() {
      await Promise.all(readers.map(({ link }) => link.close()));
    },
  };
}
