import { isUtf8 } from "node:buffer";
import type { Directory } from "../store/directory.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../store/event-store.ts";
import type { Fate, NewStream, Progress, Transfer } from "../store/transfer.ts";
import { CliError } from "./admin.ts";
import { openSource } from "./import-source.ts";
import { type LineBatch, lineBatches, maxLineBytes } from "./line-batches.ts";
import { createMeter } from "./meter.ts";
import { type Reject, type Rejects, rejectsToFile, rejectsToStderr } from "./rejects.ts";

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
  readonly rejected: number;
  /** Lines that an earlier run had done. */
  readonly doneBefore: number;
  /** Where the rejected lines are; `null` if there are none, or if they went to stderr. */
  readonly rejects: string | null;
};

/** Written as the creator of the events: no user of the API has this id. */
const creator = "import";

/**
 * Import users, one to a line of JSON.
 *
 * How far it came is kept in the transaction of each batch, so a run that was broken off goes on where
 * it was; lines appended to an input that is done are imported the next time. An input is known by
 * its first line, and is the same as long as the lines that are done have not changed; if they have,
 * it begins anew.
 *
 * Lines that are not imported go to `FILE.rejected`, or to stderr for stdin, once their batch is
 * written: a kill in between costs the explanation of that batch's rejects.
 *
 * @param input A file, or `-` for stdin, which cannot begin anew.
 * @throws CliError if there is no organization, the file cannot be read, stdin differs from what was
 *   begun, or the database cannot be written.
 */
export async function importUsers(input: string, parts: ImportParts): Promise<ImportSummary> {
  const organizations = new Set((await parts.directory.organizations()).map(({ id }) => id));
  if (organizations.size === 0) {
    throw new CliError("there is no organization for the users: make one with org create NAME");
  }
  const source = await openSource(input);
  const begun = await parts.transfer.progress(source.key);
  const run = async (chunks: AsyncIterable<Buffer>, before: Progress | undefined) => {
    const rejects = await openRejects(input, before !== undefined);
    const { key, size } = source;
    try {
      const options = { ...parts, organizations, key, size, before, rejects };
      const summary = await importLines(chunks, options);
      await parts.transfer.complete();
      return summary;
    } catch (error) {
      throw resumable(error);
    } finally {
      await rejects.close();
    }
  };
  const summary = await run(source.chunks(), begun);
  if (summary !== "differs") return summary;
  if (input === "-") {
    throw new CliError(
      "stdin begins like an input that was imported before, but differs in lines that are done: import it from a file, which can begin anew",
    );
  }
  return (await run(source.chunks(), undefined)) as ImportSummary;
}

async function openRejects(input: string, isBegun: boolean): Promise<Rejects> {
  if (input === "-") return rejectsToStderr();
  const file = `${input}.rejected`;
  try {
    return await rejectsToFile(file, isBegun);
  } catch (error) {
    throw new CliError(`cannot write ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

function resumable(error: unknown): unknown {
  if (!(error instanceof StoreUnavailableError || error instanceof OutcomeUnknownError)) {
    return error;
  }
  return new CliError(`${error.message}; the same command goes on where this one was`, {
    cause: error,
  });
}

/** @returns "differs" if the lines that were done before are not those of this input. */
async function importLines(
  chunks: AsyncIterable<Buffer>,
  options: ImportParts & {
    readonly organizations: ReadonlySet<string>;
    readonly key: string;
    readonly size: number | undefined;
    readonly before: Progress | undefined;
    readonly rejects: Rejects;
  },
): Promise<ImportSummary | "differs"> {
  const { transfer, key, before, rejects } = options;
  const doneBefore = before?.lines ?? 0;
  const meter = createMeter("users", options.size);
  let imported = 0;
  let rejected = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const batch of lineBatches(chunks, transfer.batchSize, doneBefore)) {
      if (before !== undefined && batch.first === 1) {
        if (batch.count !== before.lines || batch.digest !== before.digest) return "differs";
        continue;
      }
      const { users, problems } = readBatch(batch, options);
      // The next batch is read while this one is written.
      await writing;
      const write = async () => {
        const progress = { source: key, lines: batch.count, digest: batch.digest };
        const fates = await transfer.write(
          users.map(({ user }) => user),
          progress,
        );
        const refused = users.flatMap(({ line, user }, index) =>
          problemOf(fates[index], line, user),
        );
        await rejects.add(rejectsOf([...problems, ...refused], batch));
        rejected += problems.length + refused.length;
        imported += users.length - refused.length;
        meter.show(imported, batch.bytes);
      };
      writing = write();
      // Awaited below, or at the end; until then nobody else hears it fail.
      writing.catch(() => {});
    }
    await writing;
  } finally {
    await Promise.allSettled([writing]);
    meter.end();
  }
  return { imported, rejected, doneBefore, rejects: rejects.file() };
}

type Problem = Omit<Reject, "text">;

function readBatch(
  { first, lines }: LineBatch,
  {
    readLine,
    newId,
    organizations,
  }: Pick<ImportParts, "readLine" | "newId"> & {
    readonly organizations: ReadonlySet<string>;
  },
) {
  const users: { line: number; user: NewStream }[] = [];
  const problems: Problem[] = [];
  for (const [index, bytes] of lines.entries()) {
    const line = first + index;
    try {
      const text = textOf(bytes);
      if (text.trim() === "") continue;
      const { userId = newId(), organization: named, decisions } = readLine(text, creator);
      const organization = organizationFrom(named, organizations);
      users.push({ line, user: { stream: userId, organization, decisions } });
    } catch (error) {
      problems.push({ line, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { users, problems };
}

function textOf(bytes: Buffer | undefined): string {
  if (bytes === undefined) throw new Error(`the line is longer than ${maxLineBytes} bytes`);
  if (!isUtf8(bytes)) throw new Error("the line is not valid UTF-8");
  return bytes.toString();
}

function organizationFrom(named: string | undefined, known: ReadonlySet<string>): string {
  const [only] = known;
  if (named === undefined && only !== undefined && known.size === 1) return only;
  if (named === undefined) throw new Error("organization is missing, and there is not only one");
  if (!known.has(named)) throw new Error(`there is no organization ${JSON.stringify(named)}`);
  return named;
}

function problemOf(fate: Fate | undefined, line: number, { stream }: NewStream): Problem[] {
  switch (fate) {
    case "exists":
      return [{ line, reason: `the id ${JSON.stringify(stream)} is taken` }];
    case "claim-taken":
      return [{ line, reason: "the user name is taken" }];
    default:
      return [];
  }
}

function rejectsOf(problems: readonly Problem[], { first, lines }: LineBatch): Reject[] {
  return problems
    .toSorted((a, b) => a.line - b.line)
    .map((problem) => ({ ...problem, text: lines[problem.line - first]?.toString() ?? "" }));
}
