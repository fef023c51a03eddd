import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import type { BatchItem } from "../../change/batch/batch-item.ts";
import { textFromName } from "./receipts.ts";

/**
 * Appends of one stream, each decided on the one before. They are stored together or not at all. Only the first
 * can conflict with another writer, and only the first may change the stream's unique keys. Each may bring a
 * receipt; if the name of one is taken, none is stored. So all events are written together, and only the last head. If
 * one removes all attributes, no later one sets any. Only the first may erase what is stored.
 */
export type Chain = {
  readonly rows: readonly [AppendRow, ...AppendRow[]];
};

/** The stream of a chain. */
export const streamOf = ({ rows: [first] }: Chain): string => first.stream;
/** The append that comes last. */
export const lastOf = ({ rows }: Chain): AppendRow => rows.at(-1) as AppendRow;

/**
 * Cut a batch into rounds that one transaction can write, each with at most one chain of a stream.
 *
 * A hot stream is one long chain, so it costs no more than many streams do, and fewer heads are written. There is
 * a second round only if the unique keys of one stream change twice in one batch, or after other changes, if
 * attributes are set after all were removed, or if the stream is erased after other changes.
 */
export function roundsOf(rows: readonly AppendRow[]): Chain[][] {
  const chainsOf = new Map<string, AppendRow[][]>();
  for (const row of rows) {
    const chains = chainsOf.get(row.stream);
    const chain = chains?.at(-1);
    if (chains === undefined) chainsOf.set(row.stream, [[row]]);
    else if (chain !== undefined && fits(row, chain)) chain.push(row);
    else chains.push([row]);
  }
  const rounds: Chain[][] = [];
  for (const chains of chainsOf.values()) {
    for (const [round, chain] of chains.entries()) {
      rounds[round] ??= [];
      rounds[round].push({ rows: chain as [AppendRow, ...AppendRow[]] });
    }
  }
  return rounds;
}

/** Whether an append of the stream can be written together with those before it. */
function fits(row: AppendRow, chain: readonly AppendRow[]): boolean {
  const { after, uniqueKeys, attributes, erases } = row;
  if (chain.at(-1)?.change !== after || uniqueKeys !== undefined || erases) return false;
  return attributes === undefined || !chain.some((row) => row.attributes === "remove-all");
}

/** Leave out chains with a unique key that another chain of the round, before them, also has. */
export function withoutContested(round: readonly Chain[]): Chain[] {
  const holders = new Map<string, string>();
  return round.filter(({ rows: [{ stream, uniqueKeys = [] }] }) => {
    if (uniqueKeys.some((name) => holders.has(name) && holders.get(name) !== stream)) return false;
    for (const name of uniqueKeys) holders.set(name, stream);
    return true;
  });
}

/** What a round did not write. */
export type Refused = {
  /** The chains, by stream. */
  readonly streams: ReadonlyMap<string, "conflict" | "unique-key-taken" | "unknown">;
  /** The names of receipts that are taken, as `textFromName` writes them. */
  readonly names: ReadonlySet<string>;
};

/** What became of each append of a chain, and of a receipt. */
export function resultsOf(
  { rows }: Chain,
  { streams, names }: Refused,
): readonly (readonly [AppendRow, AppendResult])[] {
  const result = streams.get(rows[0].stream) ?? "appended";
  if (result === "appended" || result === "unknown") return rows.map((row) => [row, result]);
  return rows.map((row, place) => {
    const [owner, name] = row.receipt ?? [];
    if (owner !== undefined && name !== undefined && names.has(textFromName(owner, name))) {
      return [row, "receipt-taken"];
    }
    return [row, place === 0 ? result : "conflict"];
  });
}

/** An item, and the one before it in the batch that brings a receipt of the same name. */
export type Repeated = { readonly item: BatchItem; readonly first: BatchItem };

/** Take out what repeats the name of a receipt, because one statement stores it once. */
export function withoutRepeated(items: readonly BatchItem[]): {
  readonly kept: readonly BatchItem[];
  readonly repeated: readonly Repeated[];
} {
  const firsts = new Map<string, BatchItem>();
  const repeated: Repeated[] = [];
  const kept = items.filter((item) => {
    const receipt = "lone" in item ? item.lone : "receipt" in item ? item.receipt : undefined;
    if (receipt === undefined) return true;
    const text = textFromName(receipt[0], receipt[1]);
    const first = firsts.get(text);
    if (first === undefined) firsts.set(text, item);
    else repeated.push({ item, first });
    return first === undefined;
  });
  return { kept, repeated };
}

/** What becomes of an item that repeats the name of another one; if that is not stored, it is decided again. */
export function resultOfRepeated(first: AppendResult | undefined): AppendResult {
  return first === "appended" || first === "receipt-taken" ? "receipt-taken" : "conflict";
}
