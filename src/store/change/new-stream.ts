import { randomUUID } from "node:crypto";
import type { Head, KeysOf, Micros } from "../event-store.ts";
import type { NewStream, NewStreamOutcome } from "../transfer.ts";
import type { AppendResult } from "./append.ts";
import { type AppendRow, rowFromAppend } from "./append-row.ts";

/** The rows that write new streams, each decision after the one before it. */
export function rowsFromNewStreams(
  streams: readonly NewStream[],
  now: Micros,
  keysOf: KeysOf<unknown>,
): AppendRow[] {
  return streams.flatMap(({ stream, organization, decisions }) => {
    let after: string | undefined;
    let before: Head<unknown> | undefined;
    return decisions.map(({ events, state, uniqueKeys, attributes }, index) => {
      const change = randomUUID();
      const head = {
        version: (before?.version ?? 0) + events.length,
        organization,
        createdAt: now,
        changedAt: now + index,
        state,
      };
      const decided = { events, before, head, uniqueKeys, attributes };
      const row = rowFromAppend({ stream, change, after, ...decided }, keysOf);
      after = change;
      before = head;
      return row;
    });
  });
}

/** @param results Of the rows that `rowsFromNewStreams` made. */
export function outcomesFromResults(
  streams: readonly NewStream[],
  results: readonly AppendResult[],
): NewStreamOutcome[] {
  let index = 0;
  return streams.map(({ decisions }) => {
    const first = results[index];
    index += decisions.length;
    return first === "appended" ? "stored" : first === "conflict" ? "exists" : "unique-key-taken";
  });
}
