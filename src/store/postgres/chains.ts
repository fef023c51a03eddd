import type { AppendRow } from "../append-row.ts";

/**
 * Appends of one stream, each decided on the one before: they are stored together or not at all.
 * Only the first may claim names, because that may be refused where the ones before it are not.
 */
export type Chain = {
  readonly rows: readonly [AppendRow, ...AppendRow[]];
  readonly last: AppendRow;
};

/** Chains of different streams, sorted by stream, none of which claims what another does. */
export type Round = readonly Chain[];

type OpenChain = { readonly rows: [AppendRow, ...AppendRow[]]; last: AppendRow; round: number };

/**
 * Arrange a batch in rounds, each of which one statement can write.
 *
 * Nearly every batch is one round. A second one is needed if a stream claims names after other
 * changes of its own, or if two streams claim one name.
 *
 * The order of streams is that of code units, whatever the node: all lock rows in the same order.
 */
export function roundsFromRows(rows: readonly AppendRow[]): Round[] {
  const chains: OpenChain[] = [];
  const claimed: Set<string>[] = [];
  let chain: OpenChain | undefined;
  for (const row of rows.toSorted(byStream)) {
    const isNext = chain !== undefined && chain.last.stream === row.stream;
    if (chain !== undefined && isNext && follows(row, chain.last)) {
      chain.rows.push(row);
      chain.last = row;
      continue;
    }
    const names = row.claims ?? [];
    let round = chain !== undefined && isNext ? chain.round + 1 : 0;
    while (names.some((name) => claimed[round]?.has(name))) round += 1;
    chain = { rows: [row], last: row, round };
    chains.push(chain);
    if (names.length > 0) claimed[round] = new Set([...(claimed[round] ?? []), ...names]);
  }
  const count = chains.reduce((most, { round }) => Math.max(most, round + 1), 0);
  return Array.from({ length: count }, (_, index) => chains.filter(({ round }) => round === index));
}

function follows(row: AppendRow, before: AppendRow): boolean {
  return row.after === before.change && row.claims === undefined;
}

/** Stable, so rows of one stream keep their order. */
function byStream(a: AppendRow, b: AppendRow): number {
  if (a.stream === b.stream) return 0;
  return a.stream < b.stream ? -1 : 1;
}
