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

/** A row as a list: the names of its fields would take a third of the time. */
type RowTuple = readonly [
  stream: string,
  organization: string,
  version: number,
  change: string,
  after: string | undefined,
  events: readonly string[],
  createdAt: number,
  changedAt: number,
  state: string,
  uniqueKeys: readonly string[] | undefined,
  keys: AppendRow["keys"],
  status: string | null,
  statusBefore: string | null | undefined,
  past: AppendRow["past"],
  attributes: AppendRow["attributes"],
];

export function packStreams({ rows, firsts, keys }: StreamRows): PackedStreams {
  return serialize([rows.map(tupleFromRow), firsts, keys]);
}

/** What `packStreams` was given. */
export function unpackStreams(packed: PackedStreams): StreamRows {
  const unpacked: [RowTuple[], StreamRows["firsts"], UnsortedBatch] = deserialize(packed);
  const [rows, firsts, keys] = unpacked;
  return { rows: rows.map(rowFromTuple), firsts, keys };
}

/** The rows of a transfer have no other fields. */
function tupleFromRow(row: AppendRow): RowTuple {
  const { stream, organization, version, change, after, events, createdAt, changedAt } = row;
  const { state, uniqueKeys, keys, status, statusBefore, past, attributes } = row;
  return [
    ...([stream, organization, version, change, after, events, createdAt, changedAt] as const),
    ...([state, uniqueKeys, keys, status, statusBefore, past, attributes] as const),
  ];
}

function rowFromTuple(tuple: RowTuple): AppendRow {
  const [stream, organization, version, change, after, events, createdAt, changedAt] = tuple;
  const [, , , , , , , , state, uniqueKeys, keys, status, statusBefore, past, attributes] = tuple;
  return {
    ...{ stream, organization, version, change, after, events, createdAt, changedAt },
    ...{ state, uniqueKeys, keys, status },
    ...(statusBefore !== undefined && { statusBefore }),
    ...(past && { past }),
    ...(attributes && { attributes }),
  };
}
