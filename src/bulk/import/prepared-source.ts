import { BulkError } from "../bulk-error.ts";
import type { Losses } from "../losses.ts";
import { type ImportSource, type InputFile, keyOf, openFile, peek } from "./import-source.ts";

/** An input in another form, which is read as lines. */
export type PreparedSource = ImportSource & {
  /** What of the input is not taken, as far as it has been read. */
  readonly losses: Losses;
};

/** @throws BulkError if it is not a regular file, or cannot be read. */
export async function openInputFile(input: string): Promise<InputFile> {
  if (input === "-") {
    throw new BulkError("this form is read more than once, so it must be in a file, not on stdin");
  }
  return openFile(input, "this form is read more than once, so write it to a file first");
}

/** The name of an input by the first of its lines, as `ImportSource.key`. */
export async function keyOfLines(lines: AsyncGenerator<Buffer>): Promise<string> {
  const { firstLine } = await peek(lines);
  await lines.return(undefined);
  return keyOf(firstLine);
}
