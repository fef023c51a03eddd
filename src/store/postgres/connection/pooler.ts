import { UnsafeServerError } from "../postgres-error.ts";
import type { Connection } from "./connection.ts";

type Query = Connection["query"];

/** How often each of the two sessions is asked for its backend. */
const rounds = 3;

/**
 * Check that a pooler keeps one backend for each session. A pooler that assigns backends per transaction
 * gives the same backend to two sessions, or different backends to one session. Our prepared statements,
 * timeouts and planner settings belong to a session, and would get mixed up with those of others.
 *
 * @param sessions Two, to the same host, that nothing has been set for.
 * @throws UnsafeServerError if it does not.
 */
export async function assertSessionsLast(sessions: readonly [Query, Query]): Promise<void> {
  const backends = sessions.map(() => new Set<number>());
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, query] of sessions.entries()) backends[index]?.add(await backendOf(query));
  }
  const pids = backends.flatMap((each) => [...each]);
  if (pids.length === 2 && pids[0] !== pids[1]) return;
  throw new UnsafeServerError(
    "the pooler in front of PostgreSQL hands out connections by the transaction: set it to session " +
      "pooling (pool_mode = session in PgBouncer), or connect to PostgreSQL itself",
  );
}

async function backendOf(query: Query): Promise<number> {
  const [row] = await query({ text: "select pg_backend_pid() as pid" });
  return Number(row?.pid);
}
