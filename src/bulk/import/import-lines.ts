import type { NewStreamOutcome, Progress, RejectedLines, Transfer } from "../../store/transfer.ts";
import { createMeter } from "../meter.ts";
import type { ImportSource } from "./import-source.ts";
import type { ImportParts } from "./import-users.ts";
import { type LineBatch, lineBatches, type Stop } from "./line-batches.ts";
import { prepareBatch, type ReadyBatch, type ReadyUser } from "./prepare-batch.ts";
import { rejectOf } from "./read-batch.ts";
import type { Rejects } from "./rejects.ts";

/** One run of an import. */
export type Run = ImportParts & {
  readonly organizations: ReadonlySet<string>;
  readonly source: ImportSource;
  readonly rejects: Rejects;
  /** What the database knows of the input. */
  readonly known: Progress | undefined;
  /** Whether that is of another input, which begins with the same line. */
  readonly isAnew: boolean;
};

/** What a run has done so far. */
export type Tally = {
  imported: number;
  changed: number;
  unchanged: number;
  rejected: number;
  doneBefore: number;
  triedAgain: number;
};

/** @returns "differs" if the lines that were done before are not those of this input. */
export async function importLines(run: Run, tally: Tally): Promise<"done" | "differs"> {
  const { transfer, source, rejects, isAnew } = run;
  const before = isAnew ? undefined : run.known;
  const meter = createMeter("users", source.lines ?? source.size);
  let { known } = run;
  let isBegun = false;
  const write = async (batch: LineBatch<DoneBatch>, ready: ReadyBatch) => {
    const { users } = ready;
    const lines = {
      tried: users.map(({ line }) => line.line),
      rejected: ready.problems.map(({ line }) => line),
    };
    const progress = { source: source.key, lines: batch.count, digest: batch.digest };
    const outcomes = await transfer.write(
      batch.stop === undefined
        ? { ...lines, kind: "next", progress, known, isAnew: isAnew && !isBegun }
        : { ...lines, kind: "again", of: batch.stop },
    );
    if (batch.stop === undefined) known = progress;
    const problems = [...ready.problems];
    for (const [index, user] of users.entries()) {
      const reason = reasonOfOutcome(outcomes[index], user);
      if (reason !== undefined) problems.push(rejectOf(user.line, reason));
    }
    // Only after the first write has succeeded: it fails if another import of the same input is running.
    if (!isBegun) await rejects.begin();
    isBegun = true;
    await rejects.add(problems.sort((a, b) => a.line - b.line));
    tally.rejected += problems.length;
    const stored = users.filter((_, index) => outcomes[index] === "stored");
    const changed = stored.filter(({ isChange }) => isChange).length;
    tally.changed += changed;
    tally.imported += stored.length - changed;
    tally.unchanged += ready.unchanged;
    const done = tally.imported + tally.changed + tally.unchanged;
    meter.show(done, source.lines === undefined ? batch.bytes : batch.count);
  };

  const nextStop = createStops(transfer, before);
  let writing: Promise<void> = Promise.resolve();
  let underWay: ReadyBatch | undefined;
  try {
    for await (const batch of lineBatches(source.chunks(), transfer.batchSize, nextStop)) {
      const { stop } = batch;
      if (stop !== undefined && (batch.count !== stop.lines || batch.digest !== stop.digest)) {
        await writing;
        return "differs";
      }
      if (stop !== undefined && stop.rejected.length === 0) continue;
      if (stop !== undefined) tally.triedAgain += batch.lines.length;
      // It is made ready while the one before is written.
      const ready = await prepareBatch(batch.lines, run, { batch: underWay, end: writing });
      await writing;
      underWay = ready;
      writing = write(batch, ready);
      // It is awaited later; without this, Node.js would report an unhandled rejection before that.
      writing.catch(() => {});
    }
    await writing;
  } finally {
    await Promise.allSettled([writing]);
    meter.end();
  }
  tally.doneBefore = (before?.lines ?? 0) - tally.triedAgain;
  return "done";
}

/** The end of a batch that an earlier run has written. */
type DoneBatch = RejectedLines & Stop;

/** Stops at the batches that had rejected lines, and where the earlier runs ended. */
function createStops(transfer: Transfer, before: Progress | undefined) {
  let behind = 0;
  return async (): Promise<DoneBatch | undefined> => {
    if (before === undefined || behind >= before.lines) return undefined;
    const found = await transfer.rejected(before.source, behind);
    const isFound = found !== undefined && found.lines <= before.lines;
    const next = isFound ? found : { ...before, rejected: [] };
    behind = next.lines;
    return { ...next, wanted: new Set(next.rejected) };
  };
}

function reasonOfOutcome(
  outcome: NewStreamOutcome | undefined,
  { stream, isChange }: ReadyUser,
): string | undefined {
  switch (outcome) {
    case "exists":
      return isChange
        ? "the user was changed by somebody else while it was imported"
        : `the id ${JSON.stringify(stream)} is taken`;
    case "unique-key-taken":
      return "the user name is taken";
    default:
      return undefined;
  }
}
