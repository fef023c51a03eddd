import type { Head, KeysOf, Micros } from "../event-store.ts";
import type { NewStream, NewStreamOutcome } from "../transfer.ts";
import type { AppendResult } from "./append.ts";
import { type AppendRow, rowFromAppend } from "./append-row.ts";
import { newTransferredChange } from "./transferred-change.ts";

/**
 * The rows that write the streams of a transfer, each decision after the one before it.
 *
 * @param hasKeys Whether the rows of a stream bring its search keys. Default: they do.
 */
export function rowsFromNewStreams(
  streams: readonly NewStream[],
  now: Micros,
  keysOf: KeysOf<unknown>,
  hasKeys: (stream: NewStream) => boolean = () => true,
): AppendRow[] {
  return streams.flatMap((each) => {
    const { stream, organization, decisions, past } = each;
    const moments = past?.moments;
    let after = each.after?.change;
    let before: Head<unknown> | undefined = each.after?.head;
    return decisions.map(({ events, state, uniqueKeys, attributes }) => {
      const change = newTransferredChange();
      const head = {
        version: (before?.version ?? 0) + events.length,
        organization,
        createdAt: before?.createdAt ?? now,
        changedAt: before === undefined ? now : Math.max(now, before.changedAt + 1),
        ...past?.head,
        state,
      };
      const decided = { events, before, head, uniqueKeys, attributes, moments };
      const row = rowFromAppend({ stream, change, after, ...decided }, keysOf, hasKeys(each));
      after = change;
      before = head;
      return row;
    });
  });
}

/**
 * The outcome of each stream, in order.
 *
 * @param firsts Of `firstRows`.
 * @param results Of the rows that `rowsFromNewStreams` made.
 */
export function outcomesFromResults(
  firsts: readonly number[],
  results: readonly AppendResult[],
): NewStreamOutcome[] {
  return firsts.map((first) => outcomeFromResult(results[first]));
}

/** @param result Of the first row of a stream. */
export function outcomeFromResult(result: AppendResult | undefined): NewStreamOutcome {
  return result === "appended" ? "stored" : result === "conflict" ? "exists" : "unique-key-taken";
}

/**
 * For each stream, which of the rows that `rowsFromNewStreams` made is its first.
 *
 * @param rowsBefore How many rows are before theirs.
 */
export function firstRows(streams: readonly NewStream[], rowsBefore: number): number[] {
  let next = rowsBefore;
  return streams.map(({ decisions }) => {
    const first = next;
    next += decisions.length;
    return first;
  });
}
