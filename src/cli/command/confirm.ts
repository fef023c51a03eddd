import { createInterface } from "node:readline/promises";
import { CliError } from "./admin.ts";

/** Where a question is asked: a terminal, or what stands for one. */
export type Terminal = {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
};

/**
 * Ask a person before something is done that nobody can undo. Only the whole word is a yes.
 *
 * @param terminal Default: that of the process. Questions go to stderr, so that stdout has the result alone.
 * @throws CliError if the answer is another one, or if there is no terminal to ask on.
 */
export async function confirm(
  question: string,
  word: string,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (terminal.input.isTTY !== true) {
    throw new CliError("there is no terminal to ask on: say --yes if this is what you want");
  }
  const lines = createInterface({ ...terminal, terminal: false });
  try {
    terminal.output.write(question);
    const { value: answer = "" } = await lines[Symbol.asyncIterator]().next();
    if (answer.trim() !== word) throw new CliError("nothing was done");
  } finally {
    lines.close();
  }
}
