import { StoreOverloadedError } from "../event-store.ts";
import type { Row, Statement } from "./connection.ts";
import { type Connector, outageMs } from "./connector.ts";
import { failureFromError, storeErrorFrom } from "./postgres-error.ts";
import { createSession } from "./session.ts";

export type Readers = {
  /**
   * Run one statement that does no harm when it runs twice.
   *
   * @throws StoreUnavailableError if the database cannot be reached or does not answer.
   * @throws StoreOverloadedError if too many reads wait.
   */
  read(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Ends when what is pending is answered. */
  close(): Promise<void>;
};

/** Connections. Statements follow each other on each without waiting, so a few serve many callers. */
const count = 4;
/** Reads that may wait: a second of work. */
const maxPending = 2_000;
/** Connections that may be lost under one read. */
const maxLosses = 3;

/**
 * Read from the primary, so that whoever reads sees every change that was answered before, on
 * whichever node.
 */
export function createReaders(connector: Connector): Readers {
  const sessions = Array.from({ length: count }, () => createSession(connector, "reads"));
  let pending = 0;

  async function attempt(
    statement: Statement,
    values: readonly unknown[],
    losses: number,
    began: number,
  ): Promise<readonly Row[]> {
    const session = sessions.reduce((best, each) => (each.pending < best.pending ? each : best));
    const connection = await session.connection();
    try {
      return await connection.run(statement, values);
    } catch (error) {
      const failure = failureFromError(error);
      if (failure !== "lost" && failure !== "moved") throw storeErrorFrom(error);
      connection.destroy();
      const isOver = losses === maxLosses || performance.now() - began >= outageMs;
      if (isOver) throw storeErrorFrom(error);
      return attempt(statement, values, losses + 1, began);
    }
  }

  return {
    async read(statement, values = []) {
      if (pending >= maxPending) {
        throw new StoreOverloadedError(`${pending} reads are waiting`, 1_000);
      }
      pending += 1;
      try {
        return await attempt(statement, values, 0, performance.now());
      } finally {
        pending -= 1;
      }
    },
    async close() {
      await Promise.all(sessions.map((session) => session.close()));
    },
  };
}
