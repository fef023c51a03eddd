import type { Directory } from "../../store/directory.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../../store/event-store.ts";
import { OvertakenError, type Transfer } from "../../store/transfer.ts";
import { BulkError } from "../bulk-error.ts";
import type { ReadLine } from "../line/line-reader.ts";
import { importLines, type Run, type Tally } from "./import-lines.ts";
import { type ImportSource, openSource } from "./import-source.ts";
import { addOrganizations } from "./new-organizations.ts";
import { rejectsToFile, rejectsToStderr } from "./rejects.ts";

export type ImportParts = {
  readonly transfer: Transfer;
  readonly directory: Directory;
  readonly readLine: ReadLine;
  /** Makes an id for a user without one. */
  readonly newId: () => string;
  /** The input as lines, to be closed by the caller. Default: it is lines. */
  readonly source?: ImportSource | undefined;
  /** Of users whose lines name none. Default: the only one. */
  readonly organization?: string | undefined;
  /** The file whose name the file of rejects gets. Default: the input. */
  readonly rejectsBeside?: string | undefined;
  /**
   * Whether users who are there are made like their lines, unless they were changed since they were imported.
   * Default: they are rejected.
   */
  readonly isUpdating?: boolean;
};

export type ImportSummary = {
  readonly imported: number;
  /** Users who were there and are now like their lines. Only if they may be changed. */
  readonly changed?: number;
  /** Lines of users who were like them already, or are not there any more. Only if users may be changed. */
  readonly unchanged?: number;
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
 * imported, too. Each run writes it anew, once it is known that no other import of the same input goes on.
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
  if (parts.source !== undefined) return importFrom(parts.source, input, parts, tell);
  const source = await openSource(input);
  try {
    return await importFrom(source, input, parts, tell);
  } finally {
    source.close();
  }
}

async function importFrom(
  source: ImportSource,
  input: string,
  parts: ImportParts,
  tell: (line: string) => void,
): Promise<ImportSummary> {
  await addOrganizations(parts.directory, source.organizations ?? [], tell);
  const organizations = new Set((await parts.directory.organizations()).map(({ id }) => id));
  if (organizations.size === 0) {
    throw new BulkError("there is no organization for the users: make one with org create NAME");
  }
  const { organization } = parts;
  if (organization !== undefined && !organizations.has(organization)) {
    throw new BulkError(`there is no organization ${JSON.stringify(organization)}`);
  }
  const known = await parts.transfer.progress(source.key);
  const rejects =
    input === "-"
      ? rejectsToStderr()
      : await rejectsToFile(`${parts.rejectsBeside ?? input}.rejected`);
  const run: Run = { ...parts, organizations, source, rejects, known, isAnew: false };
  const tally = newTally();
  try {
    if ((await importLines(run, tally)) === "differs") {
      if (input === "-") throw new BulkError(stdinDiffers);
      tell(
        `${input} differs in lines that were imported before: starting again from the first line`,
      );
      rejects.clear();
      Object.assign(tally, { rejected: 0, doneBefore: 0, triedAgain: 0 });
      await importLines({ ...run, isAnew: true }, tally);
    }
    await parts.transfer.complete();
  } catch (error) {
    await rejects.close();
    throw resumable(error, input);
  }
  return { ...summaryOf(tally, parts.isUpdating ?? false), rejects: await rejects.close() };
}

function newTally(): Tally {
  const written = { imported: 0, changed: 0, unchanged: 0 };
  return { ...written, rejected: 0, doneBefore: 0, triedAgain: 0 };
}

function summaryOf({ changed, unchanged, ...tally }: Tally, isUpdating: boolean) {
  return isUpdating ? { ...tally, changed, unchanged } : tally;
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
