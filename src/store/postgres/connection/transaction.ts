import type { Connection } from "./connection.ts";

/**
 * Begins a transaction that sees what others have committed meanwhile, and does not fail because it lost a race. The
 * level is named, because the settings of a server or a database may have another one.
 */
export const beginReadCommitted = "begin isolation level read committed";

/**
 * Roll back the transaction of a connection after something failed. Never rejects, because the first failure is the one
 * to tell of: a connection that cannot roll back is destroyed, and the server then does so itself.
 */
export async function rollBack(connection: Connection): Promise<void> {
  await connection.query({ text: "rollback" }).catch(() => connection.destroy());
}
