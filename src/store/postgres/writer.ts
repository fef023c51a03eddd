import type { AppendResult } from "../append.ts";
import type { AppendRow } from "../append-row.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../event-store.ts";
import { storedChanges, writeBatch } from "./append-batch.ts";
import { type Connector, outageMs } from "./connector.ts";
import { failureFromError, storeErrorFrom } from "./postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";
import { createSession } from "./session.ts";

export type Writer = {
  /**
   * Write a batch, one at a time.
   *
   * @throws StoreUnavailableError, or the server's error about a row: nothing was stored.
   * @throws OutcomeUnknownError if it could not be found out within 5 s what was stored.
   */
  write(rows: readonly AppendRow[]): Promise<AppendResult[]>;
  close(): Promise<void>;
};

/**
 * Write batches on one connection, which is opened again when it is lost.
 *
 * A connection that is lost with a batch leaves open what became of it. Then the same batch, with
 * the same ids of changes, is written again on a new connection to the primary. That is safe,
 * because every append names the change it comes after: it cannot be stored a second time. And it
 * settles the matter, because it waits for the rows that the lost session may still hold locked:
 *
 * - a row that is appended now was not stored before, and the lost session, should it still come to
 *   it, will find that its head has moved on;
 * - a row in conflict was either stored by the lost session, which its event shows, or never will be.
 *
 * The look-up locks the events it finds. So it is itself a commit, and is not answered before what it
 * saw is on the standby that commits wait for. The same goes for a commit whose wait for the standby
 * was cut short, which the server tells by a warning.
 */
export function createWriter(connector: Connector): Writer {
  const session = createSession(connector, "batches");

  async function attempt(
    rows: readonly AppendRow[],
    mayBeStored: boolean,
  ): Promise<AppendResult[] | "lost"> {
    const connection = await session.connection();
    const { warnings } = connection;
    try {
      const results = await writeBatch(connection, rows);
      if (connection.warnings > warnings) return "lost";
      if (!mayBeStored || !results.includes("conflict")) return results;
      const stored = await storedChanges(connection, rows);
      if (connection.warnings > warnings) return "lost";
      return results.map((result, index) => {
        const change = rows[index]?.change;
        return change !== undefined && stored.has(change) ? "appended" : result;
      });
    } catch (error) {
      const failure = failureFromError(error);
      if (failure === "lost" || failure === "moved") connection.destroy();
      if (failure === "lost") return "lost";
      throw error;
    }
  }

  return {
    async write(rows) {
      const deadline = performance.now() + outageMs;
      let mayBeStored = false;
      for (let retries = 0; ; ) {
        try {
          const results = await attempt(rows, mayBeStored);
          if (results !== "lost") return results;
          mayBeStored = true;
          if (performance.now() >= deadline) throw new StoreUnavailableError("the time is up");
        } catch (error) {
          const failure = failureFromError(error);
          if (failure === "again") retries += 1;
          const isWorthIt = (failure === "again" && retries <= maxRetries) || failure === "moved";
          if (!isWorthIt || performance.now() >= deadline) {
            throw finalError(error, mayBeStored);
          }
        }
        await pauseBeforeRetry();
      }
    },
    close: session.close,
  };
}

function finalError(error: unknown, mayBeStored: boolean): unknown {
  if (!mayBeStored) return storeErrorFrom(error);
  return new OutcomeUnknownError(
    "PostgreSQL was lost during a commit and it could not be found out in time what was stored",
    { cause: error },
  );
}
