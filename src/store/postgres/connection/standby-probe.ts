import { StoreUnavailableError } from "../../event-store.ts";
import { messageOf } from "../postgres-error.ts";
import type { Connection } from "./connection.ts";

/** A standby confirms an empty commit in far less time. */
const defaultPatienceMs = 5_000;

/**
 * Commit something that leaves no trace, to find out at the start whether commits finish: if a synchronous
 * standby is missing, every commit waits forever.
 *
 * @param connect Makes another connection to the same server.
 * @throws StoreUnavailableError if the commit waits; the message says for what, and what to do.
 */
export async function assertCommitsGetThrough(
  connection: Connection,
  connect: () => Promise<Connection>,
  patienceMs = defaultPatienceMs,
): Promise<void> {
  const [settings] = await connection.query({
    text: `select current_setting('synchronous_standby_names', true) as names,
      pg_backend_pid() as pid`,
  });
  if (!settings?.names) return;
  const commit = connection.query({ text: "select pg_logical_emit_message(true, 'giraffe', '')" });
  const outcome = await firstOf(commit, patienceMs);
  if (outcome === "done") return;
  const names = JSON.stringify(settings.names);
  const canceled = await cancel(Number(settings.pid), connect).catch(messageOf);
  throw new StoreUnavailableError(
    `PostgreSQL does not finish a commit: no synchronous standby confirms it ` +
      `(synchronous_standby_names = ${names}). Start the standby, or take it out of that setting` +
      (canceled === undefined ? "" : ` (${canceled})`),
  );
}

async function firstOf(commit: Promise<unknown>, patienceMs: number): Promise<"done" | "waits"> {
  const { promise: late, resolve } = Promise.withResolvers<"waits">();
  const timer = setTimeout(() => resolve("waits"), patienceMs);
  try {
    return await Promise.race([commit.then(() => "done" as const), late]);
  } finally {
    clearTimeout(timer);
    // If the time is over, the commit is canceled and fails, but its result is not needed any more.
    commit.catch(() => {});
  }
}

/** Cancel the commit. Otherwise the backend would wait forever, and each start would leave one more. */
async function cancel(pid: number, connect: () => Promise<Connection>): Promise<undefined> {
  const other = await connect();
  await other.query({ text: "select pg_cancel_backend($1::integer)", values: [pid] });
  await other.close();
}
