import type { KeysOf } from "../event-store.ts";
import { type KeyChange, keyChanges } from "../search/key-changes.ts";
import type { Append } from "./append.ts";

/** An event as it is stored; its version and its time are given by its append. */
export type EventRow = { readonly type: string; readonly data: string; readonly creator: string };

/** An append as it is stored. It is sent between threads, so it is plain data. */
export type AppendRow = {
  readonly stream: string;
  readonly organization: string;
  /** Of the last event. */
  readonly version: number;
  readonly change: string;
  readonly after: string | undefined;
  readonly events: readonly EventRow[];
  readonly createdAt: number;
  readonly changedAt: number;
  readonly state: string;
  readonly uniqueKeys: readonly string[] | undefined;
  readonly keys: readonly KeyChange[];
};

/**
 * @param keysOf Of the database.
 * @throws TypeError if data or state is not JSON.
 */
export function rowFromAppend(append: Append, keysOf: KeysOf<unknown>): AppendRow {
  const { stream, change, after, events, before, head, uniqueKeys } = append;
  return {
    stream,
    organization: head.organization,
    version: head.version,
    change,
    after,
    events: events.map(({ type, data, creator }) => ({
      type,
      data: JSON.stringify(data),
      creator,
    })),
    createdAt: head.createdAt,
    changedAt: head.changedAt,
    state: JSON.stringify(head.state),
    uniqueKeys,
    keys: keyChanges(keysOf, before, head),
  };
}

/** The version of the stream before an append. */
export function versionBefore({ version, events }: AppendRow): number {
  return version - events.length;
}
