import type { KeysOf } from "../event-store.ts";
import type { NewEvent } from "../events.ts";
import type { ReceiptContent } from "../receipts.ts";
import { statusKey } from "../search/head-keys.ts";
import { type KeyChange, keyChanges } from "../search/key-changes.ts";
import type { SearchKeys } from "../search.ts";
import type { Append, HeadRow, Moment } from "./append.ts";
import { type AttributeRows, attributeRows } from "./attribute-rows.ts";
import { textFromData, textFromState } from "./usual-members.ts";

/** An append as it is stored. It is sent between threads, so it is plain data. */
export type AppendRow = {
  readonly stream: string;
  readonly organization: string;
  /** Of the last event. */
  readonly version: number;
  readonly change: string;
  readonly after: string | undefined;
  /** As in `Append`. */
  readonly row?: HeadRow;
  /** Type, data and creator of each event, one after another: that takes less time between threads. */
  readonly events: readonly string[];
  readonly createdAt: number;
  readonly changedAt: number;
  readonly state: string;
  readonly uniqueKeys: readonly string[] | undefined;
  /** Those that the stream has before the append, if they are known; only beside `uniqueKeys`. */
  readonly heldKeys?: readonly string[];
  readonly keys: readonly KeyChange[];
  /** By what the stream is counted; `null`: searches do not find it. */
  readonly status: string | null;
  /** The status before. Left out in most rows: neither it nor the creation date changes. */
  readonly statusBefore?: string | null;
  /** Left out in most rows, because what is left out takes no time between threads. */
  readonly attributes?: AttributeRows;
  /** Left out in most rows, as the attributes are. */
  readonly receipt?: ReceiptRow;
  /** Left out in most rows: only an import has events that happened before. */
  readonly past?: PastRow;
  /** Of all its events. */
  readonly request?: string;
  /** Left out in most rows. */
  readonly erases?: true;
};

/** When the events of an append happened, and as which versions. */
export type PastRow = {
  /** The version of the stream before the append. */
  readonly from: number;
  /** Of each event. */
  readonly moments: readonly Moment[];
};

/** A receipt as it is stored. Its stream is that of the change. */
export type ReceiptRow = readonly [
  owner: string,
  name: string,
  at: number,
  content: ReceiptContent,
];

/**
 * @param keysOf Of the database.
 * @param hasKeys Whether the row brings the changes of its search keys. Default: it does.
 * @throws TypeError if data or state is not JSON, or an attribute has no event.
 */
export function rowFromAppend(append: Append, keysOf: KeysOf<unknown>, hasKeys = true): AppendRow {
  const { stream, change, after, events, before, head, uniqueKeys, attributes } = append;
  const { receipt, moments, request, erases, row: headRow } = append;
  const old = before && keysOf(before);
  const next = keysOf(head);
  const [statusBefore, status] = [statusOf(old), statusOf(next)];
  const isListedAnew = statusBefore !== status || before?.createdAt !== head.createdAt;
  // Set one by one, because spreading what most rows have not takes longer than all the rest.
  const row: { -readonly [Name in keyof AppendRow]: AppendRow[Name] } = {
    stream,
    organization: head.organization,
    version: head.version,
    change,
    after,
    events: textsOf(events),
    createdAt: head.createdAt,
    changedAt: head.changedAt,
    state: textFromState(head.state),
    uniqueKeys,
    keys: hasKeys ? keyChanges(old, next) : [],
    status,
  };
  if (headRow !== undefined) row.row = headRow;
  if (isListedAnew) row.statusBefore = statusBefore;
  if (request !== undefined) row.request = request;
  if (moments) row.past = { from: before?.version ?? 0, moments };
  if (attributes) row.attributes = attributeRows(attributes, head.version, events.length);
  if (receipt) row.receipt = [receipt.owner, receipt.name, receipt.at, receipt.content];
  if (erases) row.erases = erases;
  return row;
}

/** @param keys Of a head. */
export function statusOf(keys: SearchKeys | undefined): string | null {
  return keys === undefined ? null : (keys[statusKey] ?? "");
}

function textsOf(events: readonly NewEvent[]): string[] {
  const texts: string[] = [];
  for (const { type, data, creator } of events) texts.push(type, textFromData(type, data), creator);
  return texts;
}

const textsPerEvent = 3;

/** The number of its events. */
export function countEvents({ events }: AppendRow): number {
  return events.length / textsPerEvent;
}

/** The version of the stream before an append. */
export function versionBefore(row: AppendRow): number {
  return row.past === undefined ? row.version - countEvents(row) : row.past.from;
}

/** An event as it is stored. */
export type EventRow = readonly [
  stream: string,
  version: number,
  change: string,
  type: string,
  data: string,
  creator: string,
  at: number,
  request: string | null,
];

/** The events of appends, in order. */
export function eventRows(appends: readonly AppendRow[]): EventRow[] {
  const rows: EventRow[] = [];
  for (const append of appends) {
    const { stream, change, events, changedAt, past, request = null } = append;
    const first = versionBefore(append) + 1;
    for (let place = 0; place < events.length; place += textsPerEvent) {
      const number = place / textsPerEvent;
      const { version, at } = past?.moments[number] ?? { version: first + number, at: changedAt };
      const [type, data, creator] = [events[place], events[place + 1], events[place + 2]];
      rows.push([
        stream,
        version,
        change,
        type as string,
        data as string,
        creator as string,
        at,
        request,
      ]);
    }
  }
  return rows;
}
