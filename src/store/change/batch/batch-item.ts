import type { Micros } from "../../event-store.ts";
import type { ReceiptName } from "../../receipts.ts";
import type { AppendResult } from "../append.ts";
import type { AppendRow, ReceiptRow } from "../append-row.ts";

/** A receipt without a change. */
export type LoneReceipt = { readonly stream: string; readonly lone: ReceiptRow };

/** Rows of different streams that are stored together or not at all. */
export type JointRows = { readonly joint: readonly AppendRow[] };

/** Removes receipts that are older than a moment. */
export type Removal = {
  readonly before: Micros;
  /** The oldest ones, at most so many, or the one with this name, which is locked even if it is not that old. */
  readonly of: number | ReceiptName;
};

/** What a batch is made of. Sent between threads, so it is plain data. */
export type BatchItem = AppendRow | JointRows | LoneReceipt | Removal;

/** A batch by the kinds of its items, each in order. */
export type Sorted = {
  readonly appends: readonly AppendRow[];
  readonly joint: readonly JointRows[];
  readonly lone: readonly LoneReceipt[];
  readonly removals: readonly Removal[];
};

/** Sort a batch by the kinds of its items. */
export function sortedBatch(items: readonly BatchItem[]): Sorted {
  const appends: AppendRow[] = [];
  const joint: JointRows[] = [];
  const lone: LoneReceipt[] = [];
  const removals: Removal[] = [];
  for (const item of items) {
    if ("lone" in item) lone.push(item);
    else if ("joint" in item) joint.push(item);
    else if ("before" in item) removals.push(item);
    else appends.push(item);
  }
  return { appends, joint, lone, removals };
}

/**
 * The results of a batch in the order of its items.
 *
 * @param results Of the appends and the receipts, and of removals that failed.
 */
export function resultsInOrder(
  items: readonly BatchItem[],
  results: ReadonlyMap<BatchItem, AppendResult>,
): AppendResult[] {
  return items.map((item) => results.get(item) ?? ("before" in item ? "appended" : "conflict"));
}
