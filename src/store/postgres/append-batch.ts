import type { AppendResult } from "../change/append.ts";
import { type AppendRow, eventRows } from "../change/append-row.ts";
import { combined } from "../search/key-changes.ts";
import { keyParts } from "../search/key-parts.ts";
import type { Row } from "../sql/rows.ts";
import { appendKind } from "./append-text.ts";
import { attributeColumns } from "./attributes.ts";
import type { Statement } from "./connection/connection.ts";
import { keyBytes, keyTexts } from "./key-rows.ts";

/**
 * Appends of one stream, each decided on the one before. They are stored together or not at all, depending
 * on the first: only the first can conflict with another writer, and only the first may change the stream's
 * unique keys. So all events are written together, and only the last head. If one removes all attributes, no
 * later one sets any.
 */
export type Chain = {
  readonly rows: readonly [AppendRow, ...AppendRow[]];
};

/**
 * Cut a batch into rounds that one statement can write, each with at most one chain of a stream.
 *
 * A hot stream is one long chain, so it costs no more than many streams do, and fewer heads are written. There is
 * a second round only if the unique keys of one stream change twice in one batch, or after other changes, or if
 * attributes are set after all were removed.
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
function fits({ after, uniqueKeys, attributes }: AppendRow, chain: readonly AppendRow[]): boolean {
  if (chain.at(-1)?.change !== after || uniqueKeys !== undefined) return false;
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
export function appendStatement(chains: readonly Chain[]): Statement {
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
  ];
  const history = [
    events.map(([stream]) => stream),
    events.map(([, version]) => version),
    events.map(([, , change]) => change),
    events.map(([, , , type]) => type),
    events.map(([, , , , data]) => data),
    events.map(([, , , , , creator]) => creator),
    events.map(([, , , , , , at]) => at),
  ];
  const uniqueKeys = uniqueKeyColumns(firsts);
  const attributes = attributeColumns(chains);
  const kind = appendKind(uniqueKeys.length > 0, attributes.length > 0);
  return {
    ...kind,
    values: [...heads, ...history, ...keyColumns(chains), ...uniqueKeys, ...attributes],
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

/** The columns of the index rows to delete, and of those to insert. */
function keyColumns(chains: readonly Chain[]): (string | null)[][] {
  const changes = chains.flatMap(({ rows }) => {
    const [{ stream, organization }] = rows;
    const ofChain = combined(rows.map(({ keys }) => keys));
    return ofChain.map(([name, before, after, text]) => {
      const from = before === undefined ? undefined : keyParts(before, keyBytes).folded;
      const to = after === undefined ? undefined : keyTexts(after, text);
      return { stream, organization, name, to, from: from === to?.folded ? undefined : from };
    });
  });
  const gone = changes.filter(({ from }) => from !== undefined);
  const come = changes.flatMap(({ to, ...key }) => (to === undefined ? [] : [{ ...key, ...to }]));
  return [
    gone.map(({ organization }) => organization),
    gone.map(({ name }) => name),
    gone.map(({ from }) => from ?? null),
    gone.map(({ stream }) => stream),
    come.map(({ organization }) => organization),
    come.map(({ name }) => name),
    come.map(({ folded }) => folded),
    come.map(({ stream }) => stream),
    come.map(({ text }) => text),
    come.map(({ rest }) => rest),
  ];
}

/** @param refused The rows of `appendStatement`. */
export function resultsFromRows(refused: readonly Row[]): Map<string, AppendResult> {
  return new Map(
    refused.map(({ stream, taken }) => [String(stream), taken ? "unique-key-taken" : "conflict"]),
  );
}
