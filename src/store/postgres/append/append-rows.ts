import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import type { Connection } from "../connection/connection.ts";
import { type Chain, resultsOf, roundsOf, withoutContested } from "./append-batch.ts";
import { appendRound } from "./append-round.ts";

/**
 * Streams of one statement. The planner does not know how long the lists will be and joins them in nested
 * loops, so the time grows with the square: one statement with 2,000 streams takes three times as long as
 * twenty statements with 100.
 */
export const statementChains = 100;

/** Append many rows within the transaction of the connection, step by step. */
export async function appendRows(
  connection: Connection,
  rows: readonly AppendRow[],
): Promise<AppendResult[]> {
  const results = new Map<AppendRow, AppendResult>();
  for (const chains of roundsOf(rows)) await appendChains(connection, chains, results);
  return rows.map((row) => results.get(row) ?? "conflict");
}

/** @param results Gets what became of each row. */
async function appendChains(
  connection: Connection,
  chains: readonly Chain[],
  results: Map<AppendRow, AppendResult>,
): Promise<void> {
  // If two chains want the same unique key, one insert cannot tell which was first. So the second chain
  // gets one of its own.
  for (let left = chains; left.length > 0; ) {
    const free = withoutContested(left.slice(0, statementChains));
    const refused = await appendRound(connection, { chains: free, lone: [] });
    for (const chain of free) {
      for (const [row, result] of resultsOf(chain, refused)) results.set(row, result);
    }
    const written = new Set(free);
    left = left.filter((chain) => !written.has(chain));
  }
}
