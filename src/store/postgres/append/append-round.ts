import type { LoneReceipt } from "../../change/batch/batch-item.ts";
import type { Connection } from "../connection/connection.ts";
import { PipelineError, type PipelineStatement, type TextRow } from "../connection/pipeline.ts";
import { beginReadCommitted, rollBack } from "../connection/transaction.ts";
import { texts } from "../connection/wire-values.ts";
import { isContested, statementsAtOnce } from "./append-at-once.ts";
import type { Chain, Refused } from "./append-batch.ts";
import { type Cleanup, cleanupStatements } from "./append-cleanup.ts";
import { writeFewHeads } from "./append-few.ts";
import { writeHeads } from "./append-statements.ts";
import { claimsOf, insertNames } from "./insert-names.ts";
import { receiptsOf } from "./receipts.ts";

/** What one transaction writes: chains of different streams, and receipts without a change. */
export type Round = { readonly chains: readonly Chain[]; readonly lone: readonly LoneReceipt[] };

/** Nothing of a transaction was stored: it failed before its commit. The cause says why. */
export class UnwrittenError extends Error {
  override readonly name = "UnwrittenError";

  constructor(cause: unknown) {
    super("failed before the commit", { cause });
  }
}

const begin = { name: "begin", text: beginReadCommitted };
const commit = { name: "commit", text: "commit" };
const rollback = { name: "rollback", text: "rollback" };

type Run = Connection["run"];

/**
 * How a round is written.
 *
 * - `at-once`: as if nobody else had written, and otherwise `carefully`.
 * - `carefully`: step by step, which finds out what of it can be written.
 * - `again`: carefully, because it may be stored already.
 */
type Manner = "at-once" | "carefully" | "again";

/**
 * Write a round in a transaction of its own.
 *
 * Most rounds change heads alone: the whole transaction is then sent in one go. If it also brings unique keys or
 * receipts, these are written first, because they may stand elsewhere than the heads, and which heads may be written
 * depends on them. Nearly always all may be written, so all is sent in one go, too, and fails if something may not.
 *
 * @param mayBeFew Whether each row of a round that changes few heads alone has a statement of its own. Only where all
 *   tables are on one node. Default: statements have lists.
 * @returns What was not written.
 * @throws UnwrittenError if nothing was stored; other errors if the outcome is open.
 */
export async function commitRound(
  connection: Connection,
  round: Round,
  manner: Manner,
  mayBeFew = false,
): Promise<Refused> {
  let isCommitting = false;
  let sent = 0;
  const run: Run = (statements) => {
    isCommitting = statements.at(-1) === commit;
    sent = statements.length;
    return connection.run(statements);
  };
  // A commit is different: if it is refused, the nodes of a cluster may still have stored their parts of it.
  const isBeforeCommit = (error: unknown) =>
    error instanceof PipelineError && error.place < sent - 1;
  try {
    const isAgain = manner === "again";
    const frame = { first: [begin], last: [commit], isAgain, mayBeFew: mayBeFew && !isAgain };
    const all = manner === "at-once" ? allOf(round) : undefined;
    if (all === undefined) return await writeRound(run, round, frame);
    try {
      await run([begin, ...all, commit]);
      return { streams: new Map(), names: new Set() };
    } catch (error) {
      if (!isBeforeCommit(error) || !isContested(error)) throw error;
    }
    return await writeRound(run, round, { ...frame, first: [rollback, begin] });
  } catch (error) {
    const isBefore = isBeforeCommit(error);
    if (isBefore && connection.isOpen()) await rollBack(connection);
    if (isCommitting && !isBefore) throw error;
    throw new UnwrittenError(error);
  }
}

/** The statements of a round that has to be written step by step otherwise. */
function allOf(round: Round): PipelineStatement[] | undefined {
  return changesHeadsAlone(round) ? undefined : statementsAtOnce(round);
}

/** Write a round within the transaction that is open. */
export function appendRound(connection: Connection, round: Round): Promise<Refused> {
  const frame = { first: [], last: [], isAgain: false, mayBeFew: false };
  return writeRound(connection.run, round, frame);
}

/** How a round is written: what goes before and behind its statements. */
type Frame = {
  readonly first: readonly PipelineStatement[];
  readonly last: readonly PipelineStatement[];
  /** Whether the round may be stored already. */
  readonly isAgain: boolean;
  /** Whether each row may have a statement of its own, if they are few. */
  readonly mayBeFew: boolean;
};

async function writeRound(run: Run, round: Round, frame: Frame): Promise<Refused> {
  if (!changesHeadsAlone(round)) return writeWithNames(run, round, frame);
  const { statements, doneFrom } =
    (frame.mayBeFew ? writeFewHeads(round.chains) : undefined) ??
    writeHeads(round.chains, frame.isAgain);
  const results = await run([...frame.first, ...statements, ...frame.last]);
  const { unwritten, repair } = doneFrom(results.slice(frame.first.length));
  if (repair.length > 0) await repairKeys(run, repair, frame);
  return { streams: conflictsOf(unwritten), names: new Set() };
}

/** Behind a commit an error must not say that the round was not written. The keys are as wrong as before then. */
async function repairKeys(run: Run, repair: readonly PipelineStatement[], { last }: Frame) {
  const isCommitted = last.length > 0;
  await run(repair).catch((error: unknown) => {
    if (!isCommitted) throw error;
  });
}

function changesHeadsAlone({ chains, lone }: Round): boolean {
  return lone.length === 0 && chains.every(({ rows }) => rows.every(isOfHeadAlone));
}

function isOfHeadAlone(row: Chain["rows"][number]): boolean {
  const { uniqueKeys, receipt, erases, statusBefore } = row;
  // What is written at the end for a number of streams depends on which heads were written.
  const isCounted = statusBefore !== undefined;
  return uniqueKeys === undefined && receipt === undefined && !erases && !isCounted;
}

function conflictsOf(streams: Iterable<string>): Map<string, "conflict"> {
  return new Map([...streams].map((stream) => [stream, "conflict"]));
}

async function writeWithNames(run: Run, round: Round, frame: Frame): Promise<Refused> {
  const { chains, lone } = round;
  const claims = claimsOf(chains);
  const receipts = receiptsOf(chains, lone);
  const names = await insertNames(run, { claims, receipts }, frame.first);
  const taken = new Set(names.lost.map(({ stream }) => stream));
  const barred = new Set([...taken, ...names.spentChains]);
  const free = chains.filter(({ rows: [{ stream }] }) => !barred.has(stream));
  const { statements, doneFrom } = writeHeads(free, frame.isAgain);
  const look = taken.size === 0 ? [] : [changesOf([...taken])];
  const results = await run([...statements, ...look]);
  const { unwritten, repair } = doneFrom(results);
  const cleanup: Cleanup = {
    written: free.filter(({ rows: [{ stream }] }) => !unwritten.has(stream)),
    claims: names.claims.filter(({ stream }) => barred.has(stream) || unwritten.has(stream)),
    receipts: names.receipts.filter(
      ({ chain }) => chain !== null && (barred.has(chain) || unwritten.has(chain)),
    ),
  };
  const last = [...repair, ...cleanupStatements(cleanup), ...frame.last];
  if (last.length > 0) await run(last);
  const unmoved = new Set(look.length === 0 ? [] : unmovedAmong(chains, results.at(-1) ?? []));
  const isWritten = (stream: string) => !barred.has(stream) && !unwritten.has(stream);
  const refused = new Map<string, "conflict" | "unique-key-taken">(
    conflictsOf([...barred, ...unwritten]),
  );
  for (const { stream, rival } of names.lost) {
    // A rival that is not written gives the key back. Whoever lost it to the rival decides again.
    const isTaken = rival === undefined || isWritten(rival);
    if (isTaken && unmoved.has(stream) && !names.spentChains.has(stream)) {
      refused.set(stream, "unique-key-taken");
    }
  }
  return { streams: refused, names: names.spent };
}

function changesOf(streams: readonly string[]): PipelineStatement {
  return {
    name: "latest-changes",
    text: "select stream, change from heads where stream = any ($1::text[])",
    values: [texts(streams)],
  };
}

/** Streams whose heads are those that the changes were decided on. */
function unmovedAmong(chains: readonly Chain[], rows: readonly TextRow[]): string[] {
  const changes = new Map(rows.map(([stream, change]) => [stream, change]));
  return chains.flatMap(({ rows: [{ stream, after }] }) =>
    (changes.get(stream) ?? undefined) === after ? [stream] : [],
  );
}
