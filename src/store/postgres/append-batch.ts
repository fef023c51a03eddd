import type { AppendResult } from "../change/append.ts";
import { type AppendRow, eventRows } from "../change/append-row.ts";
import type { BatchItem, LoneReceipt } from "../change/batch-item.ts";
import { countChanges } from "../change/count-changes.ts";
import { combined } from "../search/key-changes.ts";
import { keyParts } from "../search/key-parts.ts";
import type { Row } from "../sql/rows.ts";
import { appendKind } from "./append-text.ts";
import { attributeColumns } from "./attributes.ts";
import type { Statement } from "./connection/connection.ts";
import { keyBytes, keyTexts } from "./key-rows.ts";
import { keySpace } from "./key-space.ts";
import { receiptColumns, textFromName } from "./receipts.ts";

/**
 * Appends of one stream, each decided on the one before. They are stored together or not at all. Only the first
 * can conflict with another writer, and only the first may change the stream's unique keys. Each may bring a
 * receipt; if the name of one is taken, none is stored. So all events are written together, and only the last head. If one removes all attributes, no
 * later one sets any. Only the first may erase what is stored.
 */
export type Chain = {
  readonly rows: readonly [AppendRow, ...AppendRow[]];
};

/**
 * Cut a batch into rounds that one statement can write, each with at most one chain of a stream.
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

/**
 * Leave out chains with a unique key that another chain of the round also has: one statement cannot tell
 * which was first. They are decided again, and then find the key taken, or free.
 */
export function withoutContested(round: readonly Chain[]): Chain[] {
  const holders = new Map<string, string>();
  return round.filter(({ rows: [{ stream, uniqueKeys = [] }] }) => {
    if (uniqueKeys.some((name) => holders.has(name) && holders.get(name) !== stream)) return false;
    for (const name of uniqueKeys) holders.set(name, stream);
    return true;
  });
}

/**
 * Write chains of different streams in one statement, which commits by itself: one round trip.
 *
 * Heads are locked in the order of their streams, because otherwise two nodes could wait for each other. The
 * first read of `heads` uses the snapshot of the statement, and finds out which streams are new. A later
 * change is found by the condition of the update, which sees the latest row. Every read of a table is a
 * subquery of its own, so that it uses the index whatever size the planner assumes.
 *
 * @returns Its rows are the chains that were not written: see `resultsFromRows`.
 */
export function appendStatement(
  chains: readonly Chain[],
  lone: readonly LoneReceipt[] = [],
): Statement {
  const firsts = chains.map(({ rows: [first] }) => first);
  const lasts = chains.map(({ rows }) => rows.at(-1) as AppendRow);
  const events = eventRows(chains.flatMap(({ rows }) => rows));
  const heads = [
    firsts.map(({ stream }) => stream),
    firsts.map(({ organization }) => organization),
    lasts.map(({ version }) => version),
    lasts.map(({ change }) => change),
    firsts.map(({ after }) => after ?? null),
    firsts.map(({ createdAt }) => createdAt),
    lasts.map(({ changedAt }) => changedAt),
    lasts.map(({ state }) => state),
    lasts.map(({ status }) => status),
  ];
  const history = [
    events.map(([stream]) => stream),
    events.map(([, version]) => version),
    events.map(([, , change]) => change),
    events.map(([, , , type]) => type),
    events.map(([, , , , data]) => data),
    events.map(([, , , , , creator]) => creator),
    events.map(([, , , , , , at]) => at),
    events.map(([, , , , , , , request]) => request),
  ];
  const uniqueKeys = uniqueKeyColumns(firsts);
  const attributes = attributeColumns(chains);
  const receipts = receiptColumns(chains, lone);
  const erased = firsts.filter(({ erases }) => erases).map(({ stream }) => stream);
  const counts = countColumns(chains);
  const kind = appendKind({
    uniqueKeys: uniqueKeys.length > 0,
    attributes: attributes.length > 0,
    receipts: receipts.length > 0,
    erased: erased.length > 0,
    counts: counts.length > 0,
  });
  return {
    ...kind,
    values: [
      ...heads,
      ...history,
      ...keyColumns(chains),
      ...uniqueKeys,
      ...attributes,
      ...receipts,
      ...(erased.length > 0 ? [erased] : []),
      ...counts,
    ],
  };
}

/** The streams that change their unique keys, and the keys that they want; empty if none does. */
function uniqueKeyColumns(firsts: readonly AppendRow[]): string[][] {
  const withKeys = firsts.filter(({ uniqueKeys }) => uniqueKeys !== undefined);
  if (withKeys.length === 0) return [];
  const wanted = withKeys.flatMap(({ stream, uniqueKeys }) =>
    [...new Set(uniqueKeys)].map((name) => ({ stream, name })),
  );
  return [
    withKeys.map(({ stream }) => stream),
    wanted.map(({ stream }) => stream),
    wanted.map(({ name }) => name),
  ];
}

/** The columns of what the chains change in the numbers of streams; empty if they change none. */
function countColumns(chains: readonly Chain[]): (string | number)[][] {
  const changes = chains.flatMap(({ rows }) => {
    const [{ stream }] = rows;
    const { change } = rows.at(-1) as AppendRow;
    return countChanges(rows).map((each) => ({ ...each, stream, change }));
  });
  if (changes.length === 0) return [];
  return [
    changes.map(({ organization }) => organization),
    changes.map(({ status }) => status),
    changes.map(({ stream }) => stream),
    changes.map(({ change }) => change),
    changes.map(({ by }) => by),
  ];
}

/** The columns of the index rows to delete, and of those to insert. */
function keyColumns(chains: readonly Chain[]): (string | null)[][] {
  const changes = chains.flatMap(({ rows }) => {
    const [{ stream, organization }] = rows;
    const ofChain = combined(rows.map(({ keys }) => keys));
    return ofChain.map(([name, before, after, text]) => {
      const from = before === undefined ? undefined : keyParts(before, keyBytes).folded;
      const to = after === undefined ? undefined : keyTexts(after, text);
      const space = keySpace(organization, name);
      return { stream, space, to, from: from === to?.folded ? undefined : from };
    });
  });
  const gone = changes.filter(({ from }) => from !== undefined);
  const come = changes.flatMap(({ to, ...key }) => (to === undefined ? [] : [{ ...key, ...to }]));
  return [
    gone.map(({ space }) => space),
    gone.map(({ from }) => from ?? null),
    gone.map(({ stream }) => stream),
    come.map(({ space }) => space),
    come.map(({ folded }) => folded),
    come.map(({ stream }) => stream),
    come.map(({ text }) => text),
    come.map(({ rest }) => rest),
  ];
}

/** What an append statement did not write. */
export type Refused = {
  /** The chains, by stream. */
  readonly streams: ReadonlyMap<string, "conflict" | "unique-key-taken">;
  /** The names of receipts that are taken, as `textFromName` writes them. */
  readonly names: ReadonlySet<string>;
};

/** @param rows Of `appendStatement`. */
export function refusedFromRows(rows: readonly Row[]): Refused {
  const streams = new Map<string, "conflict" | "unique-key-taken">();
  const names = new Set<string>();
  for (const { stream, taken, owner, name } of rows) {
    if (typeof name === "string") names.add(textFromName(String(owner), name));
    else streams.set(String(stream), taken === true ? "unique-key-taken" : "conflict");
  }
  return { streams, names };
}

/** What became of each append of a chain, and of a receipt. */
export function resultsOf(
  { rows }: Chain,
  { streams, names }: Refused,
): readonly (readonly [AppendRow, AppendResult])[] {
  const result = streams.get(rows[0].stream) ?? "appended";
  if (result === "appended") return rows.map((row) => [row, result]);
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
