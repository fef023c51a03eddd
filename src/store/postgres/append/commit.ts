import type { AppendResult } from "../../change/append.ts";
import { type BatchItem, resultsInOrder, sortedBatch } from "../../change/batch/batch-item.ts";
import { OutcomeUnknownError } from "../../event-store.ts";
import type { RetryReason, StoreObserver } from "../../observer.ts";
import type { Connection, Statement } from "../connection/connection.ts";
import type { Link } from "../connection/link.ts";
import { integers, texts, uuids } from "../connection/wire-values.ts";
import { outcomeFromError, type StatementOutcome, unavailableFrom } from "../postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "../retry.ts";
import {
  type Chain,
  type Refused,
  resultOfRepeated,
  resultsOf,
  roundsOf,
  streamOf,
  withoutContested,
  withoutRepeated,
} from "./append-batch.ts";
import { commitRound, type Round, UnwrittenError } from "./append-round.ts";
import { removalStatements, textFromName } from "./receipts.ts";

/** How long to look for a lost commit before its outcome is called unknown. A failover takes less. */
const resolveMs = 10_000;

/**
 * Write a batch, and find out what became of it.
 *
 * If the connection is lost after a commit was sent, the outcome is open: the old backend may have
 * committed, or may do so later. Then the **same** transaction is sent again, to the current primary, until it
 * is answered. The answer decides the outcome, whatever becomes of the first transaction:
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
  isCluster = false,
): (items: readonly BatchItem[]) => Promise<readonly AppendResult[]> {
  const writer: Writer = { link, retried, isCluster, manner: "at-once" };
  return async (items) => {
    const { kept, repeated } = withoutRepeated(items);
    const { appends, lone, removals } = sortedBatch(kept);
    const results = new Map<BatchItem, AppendResult>();
    const rounds = roundsOf(appends);
    // A batch without appends has one round for its receipts.
    if (rounds.length === 0 && lone.length > 0) rounds.push([]);
    for (const [index, round] of rounds.entries()) {
      const written = { chains: round, lone: index === 0 ? lone : [] };
      const refused = await writeRound(writer, written).catch((error: unknown) => {
        if (index === 0 || error instanceof OutcomeUnknownError) throw error;
        // The first round is stored. The rest is decided again, and meets the error in the next batch.
        return nothingOf(written);
      });
      for (const chain of written.chains) {
        for (const [row, result] of resultsOf(chain, refused)) results.set(row, result);
      }
      for (const item of written.lone) {
        const isTaken = refused.names.has(textFromName(item.lone[0], item.lone[1]));
        results.set(item, isTaken ? "receipt-taken" : "appended");
      }
    }
    for (const { item, first } of repeated) {
      results.set(item, resultOfRepeated(results.get(first)));
    }
    const removed = await remove(link, removalStatements(removals, isCluster), rounds.length > 0);
    for (const removal of removals) results.set(removal, removed);
    return resultsInOrder(items, results);
  };
}

function nothingOf({ chains }: Round): Refused {
  return { streams: conflictsOf(chains, []), names: new Set() };
}

/** The chains that are not among those that were written. */
function conflictsOf(all: readonly Chain[], written: readonly Chain[]): Map<string, "conflict"> {
  const left = all.filter((chain) => !written.includes(chain));
  return new Map(left.map((chain) => [streamOf(chain), "conflict"]));
}

/**
 * @param isLate Whether the batch has stored something: then it has not failed as a whole.
 * @returns "conflict" if it is late and fails.
 */
async function remove(
  link: Link,
  statements: readonly Statement[],
  isLate: boolean,
): Promise<AppendResult> {
  let connection: Connection | undefined;
  try {
    for (const statement of statements) {
      connection = await link.get();
      await connection.query(statement);
    }
    return "appended";
  } catch (error) {
    const outcome = outcomeFromError(error);
    if (outcome === "elsewhere" || outcome === "ambiguous") connection?.destroy();
    if (isLate) return "conflict";
    throw unavailableFrom(error);
  }
}

const retryReasons = {
  retry: "refused",
  elsewhere: "elsewhere",
  ambiguous: "ambiguous",
} as const satisfies Partial<Record<StatementOutcome, RetryReason>>;

type Writer = {
  readonly link: Link;
  readonly retried: StoreObserver["retried"];
  readonly isCluster: boolean;
  /**
   * How the next round is written. Where others write the same, much of what is tried at once is tried in vain, so it is
   * not tried after a round of which something was refused.
   */
  manner: "at-once" | "carefully";
};

/** @returns What was not written. */
async function writeRound(writer: Writer, round: Round): Promise<Refused> {
  const { link, retried, isCluster } = writer;
  for (let retries = 0; ; retries += 1) {
    const connection = await link.get().catch((error: unknown) => {
      throw unavailableFrom(error);
    });
    try {
      const refused = await commitRound(connection, round, writer.manner, !isCluster);
      const isWhole = refused.streams.size === 0 && refused.names.size === 0;
      writer.manner = isWhole ? "at-once" : "carefully";
      return refused;
    } catch (error) {
      const outcome = settledOutcome(error, connection);
      if (outcome === "bug") throw causeOf(error);
      const isLast = retries === maxRetries && outcome !== "ambiguous";
      if (outcome === "unavailable" || isLast) throw unavailableFrom(causeOf(error));
      retried(retryReasons[outcome]);
      if (outcome === "ambiguous") return resolveRound(link, round, error);
    }
    await pauseBeforeRetry();
  }
}

/** The outcome of a round that failed. Ends a connection that is of no more use. */
function settledOutcome(error: unknown, connection: Connection | undefined): StatementOutcome {
  const outcome = outcomeFromError(causeOf(error));
  if (outcome === "elsewhere" || outcome === "ambiguous") connection?.destroy();
  return outcome === "ambiguous" && error instanceof UnwrittenError ? "retry" : outcome;
}

function causeOf(error: unknown): unknown {
  return error instanceof UnwrittenError ? error.cause : error;
}

/**
 * As `writeRound`, after a commit whose answer was lost.
 *
 * Of chains that want the same unique key only the first is written again. The others would find the key taken by the
 * first, which says nothing of what the lost transaction has done with them; their events do.
 */
async function resolveRound(link: Link, round: Round, cause: unknown): Promise<Refused> {
  const until = performance.now() + resolveMs;
  for (;;) {
    let connection: Connection | undefined;
    try {
      connection = await link.get();
      const chains = withoutContested(round.chains);
      const { streams, names } = await commitRound(connection, { ...round, chains }, "again");
      const refused = new Map([...conflictsOf(round.chains, chains), ...streams]);
      return await withoutStored(connection, round.chains, { streams: refused, names });
    } catch (error) {
      const outcome = settledOutcome(error, connection);
      if (outcome === "bug" || performance.now() >= until) {
        throw new OutcomeUnknownError("a connection was lost during a commit", { cause });
      }
    }
    await pauseBeforeRetry();
  }
}

/**
 * @param refused What the second transaction did not write.
 * @returns What the first one did not write either. A chain is unknown if one of its unique keys is taken now: its head
 *   has not moved, so the first transaction could still write it, once that key is free.
 */
async function withoutStored(
  connection: Connection,
  chains: readonly Chain[],
  { streams: refused, names }: Refused,
): Promise<Refused> {
  if (refused.size === 0) return { streams: refused, names };
  const firsts = chains
    .map(({ rows: [first] }) => first)
    .filter(({ stream }) => refused.has(stream))
    .toSorted((a, b) => (a.stream < b.stream ? -1 : 1));
  // A transaction that locks rows waits for the synchronous standbys when it commits. So what is found
  // afterwards is on the standbys, too. One lock a statement, because rows may stand on several servers.
  await connection.run(firsts.map(({ stream }) => ({ ...lockHead, values: [stream] })));
  const [stored = []] = await connection.run([
    {
      name: "stored-changes",
      text: `select e.stream from events e
        join unnest($1::text[], $2::bigint[], $3::uuid[]) as lost (stream, version, change)
          on e.stream = lost.stream and e.version = lost.version
        where e.stream = any ($1::text[]) and e.change = lost.change`,
      values: [
        texts(firsts.map(({ stream }) => stream)),
        integers(firsts.map(({ version }) => version)),
        uuids(firsts.map(({ change }) => change)),
      ],
    },
  ]);
  const found = new Set(stored.map(([stream]) => stream));
  const unwritten = [...refused].filter(([stream]) => !found.has(stream));
  return { streams: new Map(unwritten.map(([stream, why]) => [stream, lateResult(why)])), names };
}

function lateResult(why: "conflict" | "unique-key-taken" | "unknown") {
  return why === "conflict" ? why : "unknown";
}

const lockHead = {
  name: "lock-head",
  text: "select 1 from heads where stream = $1 for update",
};
