import type { Tip } from "../change/append.ts";
import { isTransferred } from "../change/transferred-change.ts";
import { dataFromText, stateFromText } from "../change/usual-members.ts";
import type { Head } from "../event-store.ts";
import type { OutlinedEvent, StoredEvent } from "../events.ts";
import type { LatestChange } from "../transfer.ts";

/** A row: values by column. Both engines have the same columns. */
export type Row = Readonly<Record<string, unknown>>;

/** The columns that `headFromRow` reads. */
export const headColumns = "organization, version, created_at, changed_at, state";

export function headFromRow(row: Row): Head<unknown> {
  return {
    version: Number(row.version),
    organization: String(row.organization),
    createdAt: Number(row.created_at),
    changedAt: Number(row.changed_at),
    state: stateFromText(String(row.state)),
  };
}

/** The columns that `tipsFromRows` and `latestFromRows` read. */
export const tipColumns = `stream, change, ${headColumns}`;

/** @returns The tip of each stream, in the order of the streams; `undefined` where there is no row. */
export function tipsFromRows(
  rows: readonly Row[],
  streams: readonly string[],
): (Tip | undefined)[] {
  const tips = new Map(
    rows.map((row) => [row.stream, { head: headFromRow(row), change: String(row.change) }]),
  );
  return streams.map((stream) => tips.get(stream));
}

/** As `Transfer.latest`. */
export function latestFromRows<State>(rows: readonly Row[]): Map<string, LatestChange<State>> {
  return new Map(
    rows.map((row) => {
      const change = String(row.change);
      const head = headFromRow(row) as Head<State>;
      return [String(row.stream), { head, change, isTransferred: isTransferred(change) }];
    }),
  );
}

/** The columns that `outlinedEventFromRow` reads. */
export const outlinedEventColumns = "version, type, creator, at, request";

export function outlinedEventFromRow(row: Row): OutlinedEvent {
  return {
    version: Number(row.version),
    type: String(row.type),
    creator: String(row.creator),
    at: Number(row.at),
    ...(typeof row.request === "string" && { request: row.request }),
  };
}

/** The columns that `eventFromRow` reads. */
export const eventColumns = `${outlinedEventColumns}, data`;

export function eventFromRow(row: Row): StoredEvent {
  const event = outlinedEventFromRow(row);
  return { ...event, data: dataFromText(event.type, String(row.data)) };
}
