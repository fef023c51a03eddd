import { isUtf8 } from "node:buffer";
import type { Directory } from "../store/directory.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../store/event-store.ts";
import {
  type NewStream,
  type NewStreamOutcome,
  OvertakenError,
  type Progress,
  type RejectedLines,
  type Transfer,
} from "../store/transfer.ts";
import { BulkError } from "./bulk-error.ts";
import { type ImportSource, openSource } from "./import-source.ts";
import { type Line, type LineBatch, lineBatches, maxLineBytes, type Stop } from "./line-batches.ts";
import { createMeter } from "./meter.ts";
import {
  assertWhole,
  notUtf8,
  type Reject,
  type Rejects,
  rejectFrom,
  rejectsToFile,
  rejectsToStderr,
} from "./rejects.ts";

/** What a line is read as; see `createUserLines`. */
export type ReadLine = (
  text: string,
  creator: string,
) => {
  readonly userId: string | undefined;
  readonly organization: string | undefined;
  readonly decisions: NewStream["decisions"];
};

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

/** Written as the creator of the events: no user of the API has this id. */
const creator = "import";

/**
 * Import users, one to a line of JSON.
 *
 * How far it came, and which lines it rejected, is kept in the transaction of each batch. So a run
 * that was broken off goes on where it was, rejected lines are tried again by every run, and lines
 * appended to an input that is done are imported the next time. An input is known by its first line,
 * and is the same as long as the lines that are done have not changed; if they have, it begins anew.
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
      tell(`${input} differs in lines that were imported before: it begins anew`);
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
  "stdin begins like an input that was imported before, but differs in lines that are done: import it from a file, which can begin anew";

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
  return new BulkError(`${error.message}; the same command goes on where this one was`, {
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
    // Not before: another import of the same input may be writing the file, and be the first.
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
      // Awaited below, or at the end; until then nobody else hears it fail.
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

type UserOfLine = { readonly line: number; readonly text: string; readonly user: NewStream };

function readBatch(
  lines: readonly Line[],
  { readLine, newId, organizations }: Pick<Run, "readLine" | "newId" | "organizations">,
) {
  const users: UserOfLine[] = [];
  const problems: Reject[] = [];
  for (const { line, bytes } of lines) {
    let text = bytes?.toString() ?? "";
    try {
      assertReadable(bytes);
      const reject = rejectFrom(withoutMark(text));
      if (reject !== undefined) {
        ({ text } = reject);
        assertWhole(reject);
      } else if (text.trim() === "") continue;
      const {
        userId = newId(),
        organization: named,
        decisions,
      } = readLine(withoutMark(text), creator);
      const organization = organizationFrom(named, organizations);
      users.push({ line, text, user: { stream: userId, organization, decisions } });
    } catch (error) {
      problems.push({ line, reason: error instanceof Error ? error.message : String(error), text });
    }
  }
  return { users, problems };
}

function assertReadable(bytes: Buffer | undefined): asserts bytes {
  if (bytes === undefined) throw new Error(`the line is longer than ${maxLineBytes} bytes`);
  if (!isUtf8(bytes)) throw new Error(notUtf8);
}

/** A byte order mark begins a file, and may stand within one that was put together of several. */
function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

function organizationFrom(named: string | undefined, known: ReadonlySet<string>): string {
  const [only] = known;
  if (named === undefined && only !== undefined && known.size === 1) return only;
  if (named === undefined) throw new Error("organization is missing, and there is not only one");
  if (!known.has(named)) throw new Error(`there is no organization ${JSON.stringify(named)}`);
  return named;
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
