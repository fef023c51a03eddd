import { StoreUnavailableError } from "../event-store.ts";
import type { Connection, Purpose } from "./connection.ts";
import type { Connector } from "./connector.ts";

/** One connection, opened when it is first needed and again after it was lost. */
export type Session = {
  /** Statements that have not been answered; 0 without a connection. */
  readonly pending: number;
  /** @throws StoreUnavailableError */
  connection(): Promise<Connection>;
  close(): Promise<void>;
};

export function createSession(connector: Connector, purpose: Purpose): Session {
  let current: Connection | undefined;
  let opening: Promise<Connection> | undefined;
  let closed = false;

  async function open(): Promise<Connection> {
    try {
      current = await connector.connect(purpose);
    } finally {
      opening = undefined;
    }
    if (!closed) return current;
    await current.close();
    throw isClosed();
  }

  return {
    get pending() {
      return current?.pending ?? 0;
    },
    async connection() {
      if (closed) throw isClosed();
      if (current !== undefined && !current.isLost) return current;
      opening ??= open();
      return opening;
    },
    async close() {
      closed = true;
      await opening?.catch(() => {});
      await current?.close();
    },
  };
}

function isClosed(): StoreUnavailableError {
  return new StoreUnavailableError("the store is closed");
}
