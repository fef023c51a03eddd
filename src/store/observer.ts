/** What a store reports of its work, for metrics. Its functions must not throw. */
export type StoreObserver = {
  /** The number of changes that wait for their answers now. */
  waiting(changes: number): void;
  /** A transaction is over. */
  committed(batch: BatchRecord): void;
  /** A load, a statement or a change has to be done again. */
  retried(reason: RetryReason): void;
  /** An operation failed, and not because of its arguments. */
  failed(operation: string, kind: FailureKind): void;
  /** Which nodes of a database answer, every few seconds; never of a database on one machine. */
  nodes?(states: readonly NodeState[]): void;
};

/** A node of a database on several machines. */
export type NodeState = {
  /** Its address. */
  readonly node: string;
  readonly answers: boolean;
};

/** One transaction of a batcher. */
export type BatchRecord = {
  /** Number of items. */
  readonly size: number;
  /** `failed`: because of one of the items; `unknown`: the batch may be stored, or not. */
  readonly outcome: "stored" | "failed" | "unavailable" | "unknown";
  /** The longest time that an item waited for the transaction to begin. */
  readonly waitedMs: number;
  /** From the beginning of the transaction until its outcome was known. */
  readonly durationMs: number;
};

/**
 * Why something has to be done again.
 *
 * - `conflict`: another process has changed the stream since the change was decided.
 * - `refused`: the database rolled the transaction back, for example after a deadlock.
 * - `elsewhere`: the server has become read-only, so another one is the primary.
 * - `ambiguous`: the connection was lost during a commit.
 */
export type RetryReason = "conflict" | "refused" | "elsewhere" | "ambiguous";

/** Why an operation failed; see the errors of `EventStore`. */
export type FailureKind = "overloaded" | "unavailable" | "unknown";

/**
 * Hears how far a migration is that may take long.
 *
 * @param version Of the schema, to which the step leads that has begun.
 * @param heads How many of them the step has written. 0: it has not begun with them.
 */
export type UpgradeProgress = (version: number, heads: number) => void;
