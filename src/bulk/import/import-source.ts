import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { BulkError } from "../bulk-error.ts";
import type { NewOrganization } from "./new-organizations.ts";

/** So much of the first line names an input. */
const nameBytes = 65_536;

/** Where lines come from. */
export type ImportSource = {
  /** Names it, among all that were ever imported: the SHA-256 of its first line, up to 64 KiB of it. */
  readonly key: string;
  /** In bytes; `undefined`: nobody knows. */
  readonly size: number | undefined;
  /** How many lines there are, if that is known. */
  readonly lines?: number;
  /** To be created, unless they exist. */
  readonly organizations?: readonly NewOrganization[];
  /** All of it, from the beginning. A second time only if it is a file. */
  readonly chunks: () => AsyncIterable<Buffer>;
  /** Ends reading. Without it, a process that has not read stdin to its end waits until that is closed. */
  close(): void;
};

/** A file that is read more than once. */
export type InputFile = {
  readonly size: number;
  /** As `ImportSource.key` takes it. */
  readonly firstLine: Buffer;
  readonly chunks: () => AsyncIterable<Buffer>;
};

/**
 * @param input A file, or `-` for stdin.
 * @throws BulkError if it cannot be read, or is neither.
 */
export async function openSource(input: string): Promise<ImportSource> {
  if (input !== "-") {
    const { size, firstLine, chunks } = await openFile(
      input,
      "to import from a pipe, use - as FILE",
    );
    return { key: keyOf(firstLine), size, chunks, close() {} };
  }
  try {
    const { firstLine, chunks } = await peek(process.stdin);
    const close = () => void process.stdin.destroy();
    return { key: keyOf(firstLine), size: undefined, chunks, close };
  } catch (error) {
    throw cannotRead(input, error);
  }
}

/**
 * @param advice For whoever names something else, such as a pipe. What is read of a pipe is gone from it, so reading it
 *   again would begin in the middle.
 * @throws BulkError if it is not a regular file, or cannot be read.
 */
export async function openFile(input: string, advice: string): Promise<InputFile> {
  try {
    const found = await stat(input);
    if (!found.isFile()) throw new Error(`it is not a regular file; ${advice}`);
    const chunks = () => createReadStream(input, { highWaterMark: 1_048_576 });
    const start = chunks();
    const { firstLine } = await peek(start);
    start.destroy();
    return { size: found.size, firstLine, chunks };
  } catch (error) {
    throw cannotRead(input, error);
  }
}

function cannotRead(input: string, error: unknown): BulkError {
  return new BulkError(`cannot read ${input}: ${error instanceof Error ? error.message : error}`);
}

/** As `ImportSource.key`. */
export function keyOf(firstLine: Buffer): string {
  return createHash("sha256").update(firstLine).digest("hex");
}

/** The first line of a stream, and the whole stream all the same. */
export async function peek(stream: AsyncIterable<Buffer>) {
  const seen: Buffer[] = [];
  const iterator = stream[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.byteLength <= nameBytes && !start.includes("\n")) {
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
    firstLine: start.subarray(0, Math.min(end === -1 ? start.byteLength : end, nameBytes)),
    chunks,
  };
}
