import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, readFileSync, rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { Directory } from "../store/directory.ts";
import type { Fate, NewStream, Progress, Transfer } from "../store/transfer.ts";
import { CliError } from "./admin.ts";
import { type LineBatch, lineBatches, maxLineBytes } from "./line-batches.ts";
import { createMeter } from "./meter.ts";

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
 * Lines of one transaction. Each takes about 20 µs to write, and a server beside us waits for as long
 * as the transaction takes.
 */
const batchLines = 2_000;

/**
 * Import users, one to a line of JSON.
 *
 * How far it came is kept in the transaction of each batch, so a run that was broken off goes on where
 * it was; lines appended to an input that is done are imported the next time. An input is known by
 * its first line, and is the same as long as the lines that are done have not changed; if they have,
 * it begins anew.
 *
 * @param input A file, or `-` for stdin, which cannot begin anew.
 * @throws CliError if the file cannot be read, or stdin differs from what was begun.
 */
export async function importUsers(input: string, parts: ImportParts): Promise<ImportSummary> {
  const organizations = new Set((await parts.directory.organizations()).map(({ id }) => id));
  const source = await openInput(input);
  const key = sourceKey(source.firstLine);
  const begun = await parts.transfer.progress(key);
  const run = (chunks: AsyncIterable<Buffer>, before: Progress | undefined) =>
    importLines(chunks, { ...parts, organizations, key, input, before, size: source.size });
  const summary = await run(source.chunks(), begun);
  if (summary !== "differs") return summary;
  if (input === "-") {
    throw new CliError("stdin differs from the input of an earlier import that begins alike");
  }
  return (await run(source.chunks(), undefined)) as ImportSummary;
}

/** @returns "differs" if the lines that were done before are not those of this input. */
async function importLines(
  chunks: AsyncIterable<Buffer>,
  options: ImportParts & {
    readonly organizations: ReadonlySet<string>;
    readonly key: string;
    readonly input: string;
    readonly before: Progress | undefined;
    readonly size: number | undefined;
  },
): Promise<ImportSummary | "differs"> {
  const { transfer, key, input, before } = options;
  const doneBefore = before?.lines ?? 0;
  const meter = createMeter("users", options.size);
  const rejects = openRejects(input, doneBefore);
  let imported = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const batch of lineBatches(chunks, batchLines, doneBefore)) {
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
        rejects.add([...problems, ...refused], batch);
        imported += users.length - refused.length;
        meter.show(imported, batch.bytes);
      };
      writing = write();
      // Awaited below, or at the end; until then nobody else hears it fail.
      writing.catch(() => {});
    }
    await writing;
  } finally {
    meter.end();
    await rejects.close();
  }
  return { imported, rejected: rejects.count(), doneBefore, rejects: rejects.file() };
}

type Problem = { readonly line: number; readonly reason: string };

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

/**
 * Where rejected lines go: `FILE.rejected`, made when there are any, or stderr for stdin. They are
 * written once their batch is: a kill in between costs the explanation of that batch's rejects.
 */
function openRejects(input: string, doneBefore: number) {
  const file = `${input}.rejected`;
  const kept = input === "-" ? [] : rejectsUpTo(file, doneBefore);
  if (input !== "-") rmSync(file, { force: true });
  let out: NodeJS.WritableStream | undefined;
  let count = 0;
  const write = (text: string) => {
    if (input === "-") process.stderr.write(text);
    else {
      out ??= createWriteStream(file, { mode: 0o600 });
      out.write(text);
    }
  };
  for (const line of kept) write(`${line}\n`);
  return {
    add(problems: readonly Problem[], { first, lines }: LineBatch) {
      count += problems.length;
      for (const { line, reason } of problems.toSorted((a, b) => a.line - b.line)) {
        const text = lines[line - first]?.toString() ?? "";
        write(`${JSON.stringify({ line, reason, text })}\n`);
      }
    },
    count: () => count,
    file: () => (out === undefined ? null : file),
    async close() {
      if (out === undefined) return;
      out.end();
      await finished(out);
    },
  };
}

/** Of a run that was broken off, rejects of lines whose batch was not written are found again. */
function rejectsUpTo(file: string, lines: number): string[] {
  if (lines === 0 || !existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((text) => {
      const number = /^\{"line":(\d+),/.exec(text)?.[1];
      return number !== undefined && Number(number) <= lines;
    });
}

/** @param firstLine Up to 64 KiB of it. */
function sourceKey(firstLine: Buffer): string {
  return createHash("sha256").update(firstLine).digest("hex");
}

async function openInput(input: string) {
  const open = () =>
    input === "-" ? process.stdin : createReadStream(input, { highWaterMark: 1_048_576 });
  try {
    const size = input === "-" ? undefined : (await stat(input)).size;
    const { firstLine, chunks } = await peek(open());
    return { size, firstLine, chunks: input === "-" ? chunks : open };
  } catch (error) {
    throw new CliError(`cannot read ${input}: ${error instanceof Error ? error.message : error}`);
  }
}

/** The first line of a stream, and the whole stream all the same. */
async function peek(stream: AsyncIterable<Buffer>) {
  const seen: Buffer[] = [];
  const iterator = stream[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.byteLength <= maxLineBytes && !start.includes("\n")) {
    const { value, done } = await iterator.next();
    if (done) break;
    seen.push(value);
    start = Buffer.concat([start, value]);
  }
  const end = start.indexOf("\n");
  async function* chunks() {
    yield* seen;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return {
    firstLine: start.subarray(0, Math.min(end === -1 ? start.byteLength : end, maxLineBytes)),
    chunks,
  };
}
