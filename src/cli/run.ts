import { ConfigError } from "../config/config.ts";
import type { Out } from "./command/command.ts";
import { printable } from "./command/printable.ts";
import { commandsFor } from "./commands.ts";
import { parseCommand } from "./program.ts";

/** A wrong command line or environment. */
const exitUsage = 2;
const exitFailure = 1;

/**
 * Do what a command line says.
 *
 * @param argv Without the interpreter and the script.
 * @returns The exit code.
 */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const parsed = parseCommand(argv, await commandsFor(argv));
    if (parsed.kind === "command") return await parsed.command.run(out);
    out(parsed.text.trimEnd());
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) return fail(exitUsage, error.problems);
    return fail(exitFailure, [error instanceof Error ? error.message : String(error)]);
  }
}

const out: Out = (line) => {
  process.stdout.write(`${line}\n`);
};

function fail(code: number, problems: readonly string[]): number {
  // Some have words of other servers and of files in them.
  for (const problem of problems) process.stderr.write(`giraffe: ${printable(problem)}\n`);
  return code;
}
