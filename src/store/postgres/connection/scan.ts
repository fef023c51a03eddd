import type { Row } from "../../sql/rows.ts";
import type { Connection, Statement } from "./connection.ts";

/** Scans collect streams in hash tables, which may hold a million of them. */
export async function toScan(connection: Connection): Promise<Connection> {
  await connection.query({
    text: "select set_config(name, '64MB', false) from pg_settings where name = 'work_mem'",
  });
  return connection;
}

/** Run a statement, and cancel it when the signal is aborted. */
export function queryUntil(
  connection: Connection,
  statement: Statement,
  signal: AbortSignal | undefined,
): Promise<Row[]> {
  return cancelledBy(signal, connection, () => connection.query(statement));
}

/** Wait for what a connection runs, and cancel it when the signal is aborted. */
export async function cancelledBy<Answer>(
  signal: AbortSignal | undefined,
  connection: Connection,
  run: () => Promise<Answer>,
): Promise<Answer> {
  // It may have been aborted while the connection was made.
  signal?.throwIfAborted();
  let cancelling: Promise<void> | undefined;
  const cancel = () => {
    cancelling = connection.cancel();
  };
  signal?.addEventListener("abort", cancel);
  try {
    return await run();
  } finally {
    signal?.removeEventListener("abort", cancel);
    await cancelling;
  }
}
