import type { SQLOutputValue } from "node:sqlite";
import type { Head, StoredEvent } from "../event-store.ts";

export type Row = Record<string, SQLOutputValue>;

/** The columns that `headFromRow` reads. */
export const headColumns = "organization, version, created_at, changed_at, state";

export function headFromRow(row: Row): Head<unknown> {
  return {
    version: Number(row.version),
    organization: String(row.organization),
    createdAt: Number(row.created_at),
    changedAt: Number(row.changed_at),
    state: JSON.parse(String(row.state)),
  };
}

export function eventFromRow(row: Row): StoredEvent {
  return {
    version: Number(row.version),
    type: String(row.type),
    data: JSON.parse(String(row.data)),
    creator: String(row.creator),
    at: Number(row.at),
  };
}
