import { StoreUnavailableError } from "../../event-store.ts";
import type { Connection } from "./connection.ts";

/** A connection that is opened when it is first needed, and again after it was lost. */
export type Link = {
  /**
   * @throws StoreUnavailableError if there is no primary now; at once if the last attempt failed
   *   a moment ago.
   */
  get(): Promise<Connection>;
  /** Closes after the answers to all statements that were sent. `get` rejects from now on. */
  close(): Promise<void>;
};

/** The pause between attempts; doubled after each failure. */
const pauseMs = { first: 50, longest: 1_000 };

export function createLink(connect: () => Promise<Connection>): Link {
  let connection: Connection | undefined;
  let connecting: Promise<Connection> | undefined;
  let lastFailure: { readonly error: unknown; readonly until: number } | undefined;
  let nextPauseMs = pauseMs.first;
  let closed = false;

  async function reconnect(): Promise<Connection> {
    try {
      connection = await connect();
      nextPauseMs = pauseMs.first;
      lastFailure = undefined;
      return connection;
    } catch (error) {
      lastFailure = { error, until: performance.now() + nextPauseMs };
      nextPauseMs = Math.min(2 * nextPauseMs, pauseMs.longest);
      throw error;
    } finally {
      connecting = undefined;
    }
  }

  return {
    async get() {
      if (closed) throw new StoreUnavailableError("the store is closed");
      if (connection?.isOpen()) return connection;
      if (connecting !== undefined) return connecting;
      if (lastFailure !== undefined && performance.now() < lastFailure.until) {
        throw lastFailure.error;
      }
      connecting = reconnect();
      return connecting;
    },

    async close() {
      closed = true;
      await connecting?.catch(() => {});
      await connection?.close();
    },
  };
}
