import type { Directory } from "../store/directory.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../store/event-store.ts";
import {
  type NewStreamOutcome,
  OvertakenError,
  type Progress,
  type RejectedLines,
  type Transfer,
} from "../store/transfer.ts";
import { BulkError } from "./bulk-error.ts";
import { type ImportSource, openSource } from "./import-source.ts";
import { type LineBatch, lineBatches, type Stop } from "./line-batches.ts";
import { createMeter } from "./meter.ts";
import { type ReadLine, readBatch, type UserOfLine } from "./read-batch.ts";
import { type Reject, type Rejects, rejectsToFile, rejectsToStderr } from "./rejects.ts";

export type ImportParts = {
  readonly transfer: Transfer;
  readonly directory: Directory;
  readonly readLine: ReadLine;
  /** Makes an id for a user without one. */
  readonly newId: () => string;
};

export type ImportSummary = {
  readonly imported: number;
  /** All lines of the input that are not imported, by whatever run. */
  readonly rejected: number;
  /** Lines that an earlier run had done. */
  readonly doneBefore: number;
  /** Lines that an earlier run had rejected, and this one tried again. */
  readonly triedAgain: number;
  /** Where the rejected lines are; `null` if there are none, or if they went to stderr. */
  readonly rejects: string | null;
};

/**
 * Import users, one to a line of JSON.
 *
 * The transaction of each batch also stores how many lines are done and which were rejected. So a run
 * that was interrupted continues where it stopped, every run tries rejected lines again, and lines that
 * are appended later are imported by the next run. An input is recognized by its first line. If lines
 * that are done have changed since, the import starts again from the beginning.
 *
 * Lines that are not imported go to `FILE.rejected`, or to stderr for stdin. That file can be
 * imported, too. Each run writes it from its beginning.
 *
 * @param input A file, or `-` for stdin, which cannot begin anew.
 * @param tell Told what a person should know at once.
 * @throws BulkError if there is no organization, the file cannot be read, stdin differs from what was
 *   begun, another import of the same input is under way, or the database cannot be written.
 */
export async function importUsers(
  input: string,
  parts: ImportParts,
  tell: (line: string) => void,
): Promise<ImportSummary> {
  const organizations = new Set((await parts.directory.organizations()).map(({ id }) => id));
  if (organizations.size === 0) {
    throw new BulkError("there is no organization for the users: make one with org create NAME");
  }
  const source = await openSource(input);
  const known = await parts.transfer.progress(source.key);
  const rejects = input === "-" ? rejectsToStderr() : await rejectsToFile(`${input}.rejected`);
  const run: Run = { ...parts, organizations, source, rejects, known, isAnew: false };
  const tally = { imported: 0, rejected: 0, doneBefore: 0, triedAgain: 0 };
  try {
    if ((await importLines(run, tally)) === "differs") {
      if (input === "-") throw new BulkError(stdinDiffers);
      tell(
        `${input} differs in lines that were imported before: starting again from the first line`,
      );
      Object.assign(tally, { rejected: 0, doneBefore: 0, triedAgain: 0 });
      await importLines({ ...run, isAnew: true }, tally);
    }
    await parts.transfer.complete();
  } catch (error) {
    await rejects.close();
    throw resumable(error, input);
  }
  return { ...tally, rejects: await rejects.close() };
}

const stdinDiffers =
  "stdin begins like an input that was imported before, but differs in lines that are done: import it from a file, which can be read again from its start";

function resumable(error: unknown, input: string): unknown {
  if (error instanceof OvertakenError) {
    const name = input === "-" ? "this input" : input;
    return new BulkError(
      `another import of ${name} is under way: let it end, then run the same command again`,
      { cause: error },
    );
  }
  if (!(error instanceof StoreUnavailableError || error instanceof OutcomeUnknownError)) {
    return error;
  }
  return new BulkError(`${error.message}; run the same command again to continue from here`, {
    cause: error,
  });
}

type Run = ImportParts & {
  readonly organizations: ReadonlySet<string>;
  readonly source: ImportSource;
  readonly rejects: Rejects;
  /** What the database knows of the input. */
  readonly known: Progress | undefined;
  /** Whether that is of another input, which begins with the same line. */
  readonly isAnew: boolean;
};

type Tally = { imported: number; rejected: number; doneBefore: number; triedAgain: number };

/** @returns "differs" if the lines that were done before are not those of this input. */
async function importLines(run: Run, tally: Tally): Promise<"done" | "differs"> {
  const { transfer, source, rejects, isAnew } = run;
  const before = isAnew ? undefined : run.known;
  const meter = createMeter("users", source.size);
  let { known } = run;
  let isBegun = false;
  const write = async (
    batch: LineBatch<DoneBatch>,
    { users, problems }: ReturnType<typeof readBatch>,
  ) => {
    const lines = {
      tried: users.map(({ line }) => line),
      rejected: problems.map(({ line }) => line),
    };
    const progress = { source: source.key, lines: batch.count, digest: batch.digest };
    const outcomes = await transfer.write(
      users.map(({ user }) => user),
      batch.stop === undefined
        ? { ...lines, kind: "next", progress, known, isAnew: isAnew && !isBegun }
        : { ...lines, kind: "again", of: batch.stop },
    );
    if (batch.stop === undefined) known = progress;
    const taken = users.flatMap((each, index) => problemOf(outcomes[index], each));
    // Only after the first write has succeeded: it fails if another import of the same input is running.
    if (!isBegun) await rejects.begin();
    isBegun = true;
    await rejects.add([...problems, ...taken].sort((a, b) => a.line - b.line));
    tally.rejected += problems.length + taken.length;
    tally.imported += users.length - taken.length;
    meter.show(tally.imported, batch.bytes);
  };

  const nextStop = createStops(transfer, before);
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const batch of lineBatches(source.chunks(), transfer.batchSize, nextStop)) {
      const { stop } = batch;
      if (stop !== undefined && (batch.count !== stop.lines || batch.digest !== stop.digest)) {
        await writing;
        return "differs";
      }
      if (stop !== undefined && stop.rejected.length === 0) continue;
      if (stop !== undefined) tally.triedAgain += batch.lines.length;
      const read = readBatch(batch.lines, run);
      // The next batch is read while this one is written.
      await writing;
      writing = write(batch, read);
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

function problemOf(
  outcome: NewStreamOutcome | undefined,
  { line, text, user }: UserOfLine,
): Reject[] {
  switch (outcome) {
    case "exists":
      return [{ line, reason: `the id ${JSON.stringify(user.stream)} is taken`, text }];
    case "unique-key-taken":
      return [{ line, reason: "the user name is taken", text }];
    default:
      return [];
  }
}
