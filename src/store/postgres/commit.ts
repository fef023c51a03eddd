import type { AppendResult } from "../change/append.ts";
import type { AppendRow } from "../change/append-row.ts";
import { OutcomeUnknownError } from "../event-store.ts";
import type { RetryReason, StoreObserver } from "../observer.ts";
import {
  appendStatement,
  type Chain,
  resultsFromRows,
  roundsOf,
  withoutContested,
} from "./append-batch.ts";
import type { Connection } from "./connection/connection.ts";
import type { Link } from "./connection/link.ts";
import { outcomeFromError, type StatementOutcome, unavailableFrom } from "./postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";

/** How long to look for a lost commit before its outcome is called unknown. A failover takes less. */
const resolveMs = 10_000;

/**
 * Write a batch, and find out what became of it.
 *
 * If the connection is lost after a statement was sent, the outcome is open: the old backend may have
 * committed, or may do so later. Then the **same** statement is sent again, to the current primary, until it
 * is answered. The answer decides the outcome, whatever becomes of the first statement:
 * - The first was committed, or is about to be: the head has changed, or is locked until it has. So the
 *   second is refused, and its last event is found by the id of its change.
 * - The first was not committed: the second is written. If the first still arrives, the head is no longer
 *   the one it was decided on, so it is refused: ids of changes are never used again.
 * - Another writer was faster than both: the second is refused, and no event is found. Neither can be
 *   written any more.
 *
 * So the head protects against late commits. No backend is killed by its process id, because after a failover
 * or behind a pooler the id may belong to another session.
 *
 * @returns Rejects with StoreUnavailableError, OutcomeUnknownError, or the server's error about a value.
 *   Except after OutcomeUnknownError, nothing was stored.
 */
export function createCommit(
  link: Link,
  retried: StoreObserver["retried"] = () => {},
): (rows: readonly AppendRow[]) => Promise<readonly AppendResult[]> {
  return async (rows) => {
    const results = new Map<AppendRow, AppendResult>();
    for (const [index, round] of roundsOf(rows).entries()) {
      const chains = withoutContested(round);
      const refused = await writeRound(link, chains, retried).catch((error: unknown) => {
        if (index === 0 || error instanceof OutcomeUnknownError) throw error;
        // The first round is stored. The rest is decided again, and meets the error in the next batch.
        return new Map(chains.map(({ rows: [{ stream }] }) => [stream, "conflict" as const]));
      });
      for (const chain of chains) {
        const result = refused.get(chain.rows[0].stream) ?? "appended";
        for (const [place, row] of chain.rows.entries()) {
          results.set(row, result === "unique-key-taken" && place > 0 ? "conflict" : result);
        }
      }
    }
    return rows.map((row) => results.get(row) ?? "conflict");
  };
}

const retryReasons = {
  retry: "refused",
  elsewhere: "elsewhere",
  ambiguous: "ambiguous",
} as const satisfies Partial<Record<StatementOutcome, RetryReason>>;

/** @returns The chains that were not written, by stream. */
async function writeRound(
  link: Link,
  chains: readonly Chain[],
  retried: StoreObserver["retried"],
): Promise<Map<string, AppendResult>> {
  const statement = appendStatement(chains);
  for (let retries = 0; ; retries += 1) {
    const connection = await link.get().catch((error: unknown) => {
      throw unavailableFrom(error);
    });
    try {
      return resultsFromRows(await connection.query(statement));
    } catch (error) {
      const outcome = outcomeFromError(error);
      if (outcome === "elsewhere" || outcome === "ambiguous") connection.destroy();
      if (outcome === "bug") throw error;
      const isLast = retries === maxRetries && outcome !== "ambiguous";
      if (outcome === "unavailable" || isLast) throw unavailableFrom(error);
      retried(retryReasons[outcome]);
      if (outcome === "ambiguous") return resolveRound(link, chains, error);
    }
    await pauseBeforeRetry();
  }
}

/** As `writeRound`, after a statement whose answer was lost. */
async function resolveRound(
  link: Link,
  chains: readonly Chain[],
  cause: unknown,
): Promise<Map<string, AppendResult>> {
  const until = performance.now() + resolveMs;
  for (;;) {
    let connection: Connection | undefined;
    try {
      connection = await link.get();
      const refused = resultsFromRows(await connection.query(appendStatement(chains)));
      return await withoutStored(connection, chains, refused);
    } catch (error) {
      const outcome = error instanceof OutcomeUnknownError ? "bug" : outcomeFromError(error);
      if (outcome === "elsewhere" || outcome === "ambiguous") connection?.destroy();
      if (outcome === "bug" || performance.now() >= until) {
        throw new OutcomeUnknownError("a connection was lost during a commit", { cause });
      }
    }
    await pauseBeforeRetry();
  }
}

/**
 * @param refused What the second statement did not write.
 * @returns What the first one did not write either.
 * @throws OutcomeUnknownError if a unique key of a chain is taken now: its head has not moved, so the
 *   first statement could still be written, once that key is free.
 */
async function withoutStored(
  connection: Connection,
  chains: readonly Chain[],
  refused: Map<string, AppendResult>,
): Promise<Map<string, AppendResult>> {
  if ([...refused.values()].includes("unique-key-taken")) {
    throw new OutcomeUnknownError(
      "a connection was lost during a commit, and a unique key is taken now",
    );
  }
  if (refused.size === 0) return refused;
  const firsts = chains
    .map(({ rows: [first] }) => first)
    .filter(({ stream }) => refused.has(stream));
  // A transaction that locks rows waits for the synchronous standbys when it commits. So what is found
  // afterwards is on the standbys, too.
  await connection.query({
    text: "select 1 from heads where stream = any ($1::text[]) order by stream for update",
    values: [firsts.map(({ stream }) => stream)],
  });
  const stored = await connection.query({
    text: `select stream
      from unnest($1::text[], $2::bigint[], $3::uuid[]) as lost (stream, version, change)
      where change = (
        select e.change from events e where e.stream = lost.stream and e.version = lost.version
      )`,
    values: [
      firsts.map(({ stream }) => stream),
      firsts.map(({ version }) => version),
      firsts.map(({ change }) => change),
    ],
  });
  const found = new Set(stored.map(({ stream }) => String(stream)));
  return new Map([...refused].filter(([stream]) => !found.has(stream)));
}
