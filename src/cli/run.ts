import { setImmediate as turn } from "node:timers/promises";
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
  const printed = watchStdout();
  try {
    const parsed = parseCommand(argv, await commandsFor(argv));
    if (parsed.kind === "help") out(parsed.text.trimEnd());
    const code = parsed.kind === "command" ? await parsed.command.run(out) : 0;
    await printed();
    return code;
  } catch (error) {
    if (error instanceof ConfigError) return fail(exitUsage, error.problems);
    return fail(exitFailure, [error instanceof Error ? error.message : String(error)]);
  }
}

/**
 * Without a listener, a reader who leaves, as `head` does, or a full disk would end the process with a stack trace.
 *
 * @returns Throws if something of what was printed so far has not arrived.
 */
function watchStdout(): () => Promise<void> {
  let failure: Error | undefined;
  process.stdout.on("error", (error) => {
    failure ??= error;
  });
  return async () => {
    await turn();
    if (failure !== undefined) throw new Error(`cannot write to stdout: ${failure.message}`);
  };
}

const out: Out = (line) => {
  process.stdout.write(`${line}\n`);
};

function fail(code: number, problems: readonly string[]): number {
  // Some have words of other servers and of files in them.
  for (const problem of problems) process.stderr.write(`giraffe: ${printable(problem)}\n`);
  return code;
}
