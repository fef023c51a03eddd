import type { QueryConfig } from "pg";
import type { Row } from "../../sql/rows.ts";
import type { PipelineStatement, TextRow } from "./pipeline.ts";
import type { ServerIdentity } from "./server-memory.ts";

/** A statement with a name is prepared once per connection. */
export type Statement = QueryConfig & {
  /** In milliseconds, how long to wait for the answer. Default: 15 s. */
  readonly query_timeout?: number;
};

/** A connection to a primary. */
export type Connection = {
  /**
   * Run statements one after another; several may be sent before the first is answered. Whatever
   * ends the connection, or more than 15 s without an answer, rejects all that was sent.
   *
   * @returns The rows.
   * @throws CommitWarningError if the server answered with a warning: the commit may not be safe.
   * @throws BackendEndedError if the server answered with an error, and the connection has ended.
   */
  query(statement: Statement): Promise<Row[]>;
  /**
   * Run statements that are sent in one go. After an error none of those behind it runs. Without a `begin` among
   * them they are one transaction. Not for a connection that sends statements before earlier ones are answered.
   *
   * @returns The rows of each statement.
   * @throws PipelineError if the server refused a statement; otherwise as `query`.
   */
  run(statements: readonly PipelineStatement[]): Promise<readonly TextRow[][]>;
  /**
   * Ask the server to cancel the statement that it runs for this connection, which then rejects. Send nothing more
   * until this resolves, because it might be cancelled in place of that statement. Never rejects.
   */
  cancel(): Promise<void>;
  isOpen(): boolean;
  /** Close after the answers to all statements that were sent. */
  close(): Promise<void>;
  /** Close at once. The server may still run statements that were sent. */
  destroy(): void;
  /** The identity of the server; `undefined` if it is not known. */
  readonly identity: ServerIdentity | undefined;
};
