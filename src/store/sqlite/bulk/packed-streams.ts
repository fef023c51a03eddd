import { deserialize, serialize } from "node:v8";
import type { AppendRow } from "../../change/append-row.ts";
import type { UnsortedBatch } from "../keys/unsorted-keys.ts";

/** What a transfer writes of some streams. */
export type StreamRows = {
  readonly rows: readonly AppendRow[];
  /** For each stream, which row is its first. */
  readonly firsts: readonly number[];
  /** Of the new streams, whose rows have none themselves. */
  readonly keys: UnsortedBatch;
};

/** The same as bytes: V8 would copy thousands of objects that wait to be written, but not their bytes. */
export type PackedStreams = Uint8Array<ArrayBuffer>;

/** A value of a row. */
type Value = string | number | null | undefined;

/** What few rows have. */
type Others = Pick<AppendRow, "keys" | "past" | "attributes">;

type Packed = {
  /** Of all rows, one row behind the other: to read and write a list for each takes twice the time. */
  readonly values: Value[];
  readonly others: ReadonlyMap<number, Others>;
  readonly firsts: readonly number[];
  readonly names: readonly string[];
  /** For each stream its texts and its folded texts; `undefined` in place of the texts if it has no keys. */
  readonly texts: Value[];
};

/** @param streamRows New streams bring their keys in the organization, and for the stream, of their first row. */
export function packStreams({ rows, firsts, keys }: StreamRows): PackedStreams {
  const values: Value[] = [];
  const others = new Map<number, Others>();
  for (const [index, row] of rows.entries()) {
    pushRow(values, row);
    const { keys, past, attributes } = row;
    if (keys.length === 0 && past === undefined && attributes === undefined) continue;
    others.set(index, { keys, ...(past && { past }), ...(attributes && { attributes }) });
  }
  const texts: Value[] = [];
  for (const each of keys.streams) texts.push(each?.texts, each?.folded);
  return serialize({ values, others, firsts, names: keys.names, texts } satisfies Packed);
}

/** The rows of a transfer have no receipts, and erase nothing. */
function pushRow(values: Value[], row: AppendRow): void {
  const { stream, organization, version, change, after, createdAt, changedAt, state } = row;
  const { status, statusBefore, uniqueKeys, events } = row;
  values.push(stream, organization, version, change, after, createdAt, changedAt, state);
  values.push(status, statusBefore, uniqueKeys?.length, events.length);
  if (uniqueKeys !== undefined) for (const each of uniqueKeys) values.push(each);
  for (const each of events) values.push(each);
}

/** What `packStreams` was given. */
export function unpackStreams(packed: PackedStreams): StreamRows {
  const { values, others, firsts, names, texts }: Packed = deserialize(packed);
  const rows: AppendRow[] = [];
  for (let at = 0; at < values.length; ) {
    const { row, end } = rowAt(values, at);
    const rare = others.get(rows.length);
    rows.push(rare === undefined ? row : { ...row, ...rare });
    at = end;
  }
  const streams = firsts.map((first, index) => {
    const [row, text, folded] = [rows[first], texts[2 * index], texts[2 * index + 1]];
    if (row === undefined || typeof text !== "string") return undefined;
    const { organization, stream } = row;
    return { organization, stream, texts: text, folded: (folded ?? null) as string | null };
  });
  return { rows, firsts, keys: { names, streams } };
}

/** The fields of every row, in the order of `pushRow`. */
type RowFields = readonly [
  stream: string,
  organization: string,
  version: number,
  change: string,
  after: string | undefined,
  createdAt: number,
  changedAt: number,
  state: string,
  status: string | null,
  statusBefore: string | null | undefined,
  uniqueKeys: number | undefined,
  events: number,
];
const rowFields = 12;

/** @returns The row that begins at a place, and where it ends. */
function rowAt(values: readonly Value[], at: number): { readonly row: AppendRow; end: number } {
  const fields = values.slice(at, at + rowFields) as readonly Value[] as RowFields;
  const [stream, organization, version, change, after, createdAt, changedAt, state] = fields;
  const [, , , , , , , , status, statusBefore, uniqueKeys, events] = fields;
  const keysEnd = at + rowFields + (uniqueKeys ?? 0);
  const end = keysEnd + events;
  const row = {
    ...{ stream, organization, version, change, after, createdAt, changedAt, state, status },
    uniqueKeys:
      uniqueKeys === undefined ? undefined : (values.slice(at + rowFields, keysEnd) as string[]),
    events: values.slice(keysEnd, end) as string[],
    keys: [],
  };
  return { row: statusBefore === undefined ? row : { ...row, statusBefore }, end };
}
