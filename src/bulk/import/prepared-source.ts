import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { BulkError } from "../bulk-error.ts";
import type { Losses } from "../losses.ts";
import { type ImportSource, keyOf, peek } from "./import-source.ts";

/** An input in another form, which is read as lines. */
export type PreparedSource = ImportSource & {
  /** What of the input is not taken, as far as it has been read. */
  readonly losses: Losses;
  close(): void;
};

/** A file that is read more than once. */
export type InputFile = {
  readonly size: number;
  readonly chunks: () => AsyncIterable<Buffer>;
};

/** @throws BulkError if it is stdin, or cannot be read. */
export async function openInputFile(input: string): Promise<InputFile> {
  if (input === "-") {
    throw new BulkError("this form is read more than once, so it must be in a file, not on stdin");
  }
  try {
    const { size } = await stat(input);
    const chunks = () => createReadStream(input, { highWaterMark: 1_048_576 });
    const start = chunks();
    await peek(start);
    start.destroy();
    return { size, chunks };
  } catch (error) {
    throw new BulkError(`cannot read ${input}: ${error instanceof Error ? error.message : error}`);
  }
}

/** The name of an input by the first of its lines, as `ImportSource.key`. */
export async function keyOfLines(lines: AsyncGenerator<Buffer>): Promise<string> {
  const { firstLine } = await peek(lines);
  await lines.return(undefined);
  return keyOf(firstLine);
}
