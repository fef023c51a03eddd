import type { QueryConfig } from "pg";
import type { Row } from "../../sql/rows.ts";
import type { ServerIdentity } from "./server-memory.ts";

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
