import { OutcomeUnknownError } from "../event-store.ts";
import type { Connection } from "./connection.ts";
import type { Connector } from "./connector.ts";
import { failureFromError, isDuplicate, storeErrorFrom } from "./postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";

/**
 * Run `work` in one transaction on a connection of its own, and again from the beginning if the
 * transaction lost to another one or the connection was lost before the commit.
 *
 * @throws What `work` throws; StoreUnavailableError: nothing was stored.
 * @throws OutcomeUnknownError if the connection was lost during the commit, or the server says that
 *   the commit may not have reached its standby.
 */
export async function transact<Result>(
  connector: Connector,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    const connection = await connector.connect("transactions");
    let isCommitting = false;
    try {
      await connection.execute("begin");
      const result = await work(connection);
      isCommitting = true;
      await connection.execute("commit");
      if (connection.warnings === 0) return result;
      throw new OutcomeUnknownError("the commit may not have reached the standby");
    } catch (error) {
      if (error instanceof OutcomeUnknownError) throw error;
      const failure = failureFromError(error);
      if (isCommitting && failure === "lost") {
        throw new OutcomeUnknownError("the connection was lost during the commit", {
          cause: error,
        });
      }
      const isFinal = failure === "refused" || failure === "failed" || isDuplicate(error);
      if (isFinal || attempt === maxRetries) throw storeErrorFrom(error);
      await pauseBeforeRetry();
    } finally {
      await connection.close();
    }
  }
}
