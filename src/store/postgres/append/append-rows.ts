import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import { areNew, statementsOfNew } from "../bulk/new-streams.ts";
import type { Connection } from "../connection/connection.ts";
import { isDuplicate } from "../postgres-error.ts";
import { isContested } from "./append-at-once.ts";
import { type Chain, resultsOf, roundsOf, withoutContested } from "./append-batch.ts";
import { appendRound } from "./append-round.ts";

/**
 * Streams of one statement. The planner does not know how long the lists will be and joins them in nested
 * loops, so the time grows with the square: one statement with 2,000 streams takes three times as long as
 * twenty statements with 100.
 */
export const statementChains = 100;

/** New streams that are sent together. If one of them cannot be written, all are written again, step by step. */
const chainsAtOnce = 500;

const savepoint = { name: "at-once-begin", text: "savepoint at_once" };
const release = { name: "at-once-end", text: "release savepoint at_once" };
const undo = { name: "at-once-undo", text: "rollback to savepoint at_once" };

/**
 * Append many rows within the transaction of the connection.
 *
 * @param mayBeAtOnce Whether new streams may be written as if nothing of them were there, and otherwise step by step.
 *   Only where all tables are on one node. Default: all are written step by step.
 */
export async function appendRows(
  connection: Connection,
  rows: readonly AppendRow[],
  mayBeAtOnce = false,
): Promise<AppendResult[]> {
  const results = new Map<AppendRow, AppendResult>();
  // After a conflict there are often more, as when an input is imported a second time.
  let isAtOnce = mayBeAtOnce;
  for (const round of roundsOf(rows)) {
    for (const chains of piecesOf(round, chainsAtOnce)) {
      isAtOnce = isAtOnce && (await appendAtOnce(connection, chains));
      if (isAtOnce) for (const row of chains.flatMap(rowsOf)) results.set(row, "appended");
      else await appendStepwise(connection, chains, results);
    }
  }
  return rows.map((row) => results.get(row) ?? "conflict");
}

/** @returns Whether the chains were written, all of them or none. */
async function appendAtOnce(connection: Connection, chains: readonly Chain[]): Promise<boolean> {
  if (!areNew(chains) || withoutContested(chains).length < chains.length) return false;
  try {
    await connection.run([savepoint, ...statementsOfNew(chains), release]);
    return true;
  } catch (error) {
    if (!isContested(error) && !isDuplicate(error)) throw error;
    await connection.run([undo]);
    return false;
  }
}

/** @param results Gets what became of each row. */
async function appendStepwise(
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

function rowsOf({ rows }: Chain): readonly AppendRow[] {
  return rows;
}

function piecesOf(chains: readonly Chain[], size: number): (readonly Chain[])[] {
  const pieces: (readonly Chain[])[] = [];
  for (let from = 0; from < chains.length; from += size)
    pieces.push(chains.slice(from, from + size));
  return pieces;
}
