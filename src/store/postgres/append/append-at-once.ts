import { PipelineError, type PipelineStatement } from "../connection/pipeline.ts";
import { sqlState, sqlStateOf } from "../postgres-error.ts";
import { type Chain, withoutContested } from "./append-batch.ts";
import { cleanupStatements } from "./append-cleanup.ts";
import type { Round } from "./append-round.ts";
import { writeHeadsStrictly } from "./append-statements.ts";
import { claimsOf } from "./insert-names.ts";
import { insertStrictly } from "./insert-rows.ts";
import { receiptsOf } from "./receipts.ts";

/**
 * Statements that write a whole round, without a look at what became of any of them. One fails if something of the
 * round cannot be written.
 *
 * @returns `undefined` if it is not known what there is to write, or if two chains want the same unique key.
 */
export function statementsAtOnce({ chains, lone }: Round): PipelineStatement[] | undefined {
  if (!chains.every(hasNewKeysAlone) || withoutContested(chains).length < chains.length) {
    return undefined;
  }
  const claims = claimsOf(chains);
  const receipts = receiptsOf(chains, lone);
  return [
    ...insertStrictly(
      "claims",
      claims.map(({ name, stream }) => [name, stream]),
    ),
    ...insertStrictly(
      "receipts",
      receipts.map(({ values }) => values),
    ),
    ...writeHeadsStrictly(chains),
    ...cleanupStatements({ written: chains, claims: [], receipts: [] }),
  ];
}

/** Whether it is known which unique keys the stream has, and its change wants none of them again. */
function hasNewKeysAlone({ rows: [{ uniqueKeys, heldKeys }] }: Chain): boolean {
  if (uniqueKeys === undefined) return true;
  return heldKeys !== undefined && !uniqueKeys.some((name) => heldKeys.includes(name));
}

/**
 * Whether the round failed because something of it cannot be written, such as a name that is taken. The server gives
 * the same code for a value that it cannot read. Then writing the round step by step fails with the same error.
 */
export function isContested(error: unknown): error is PipelineError {
  return error instanceof PipelineError && sqlStateOf(error) === sqlState.invalidTextRepresentation;
}
