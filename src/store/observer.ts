/** Told what a store does, for whoever counts it. Must not throw. */
export type StoreObserver = {
  /** So many changes wait for their answers now. */
  waiting(changes: number): void;
  /** A transaction is over. */
  committed(batch: BatchRecord): void;
  /** Something has to be done again. */
  retried(reason: RetryReason): void;
  /** An operation was not carried out, and not because of what was asked. */
  failed(operation: string, kind: FailureKind): void;
};

export type BatchRecord = {
  readonly size: number;
  /** `failed`: because of an item; `unknown`: it may be stored, or not. */
  readonly outcome: "stored" | "failed" | "unavailable" | "unknown";
  /** How long the one that waited longest waited for the transaction to begin. */
  readonly waitedMs: number;
  /** From the beginning of the transaction until its outcome was known. */
  readonly durationMs: number;
};

/**
 * - `conflict`: another process has moved the head on which a change was decided.
 * - `refused`: the database asked for it, after a deadlock for one.
 * - `elsewhere`: the database has become one that only reads.
 * - `ambiguous`: the connection was lost during a commit.
 */
export type RetryReason = "conflict" | "refused" | "elsewhere" | "ambiguous";

export type FailureKind = "overloaded" | "unavailable" | "unknown";
