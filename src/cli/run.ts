import { type Config, ConfigError } from "../config.ts";
import { availableLanguages } from "../service.ts";
import { administer } from "./administer.ts";
import { type Command, parseCommand, type TransferCommand } from "./program.ts";
import { serve, underSignals } from "./serve.ts";

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
    const command = parseCommand(argv, availableLanguages());
    if (command.name === "help") out(command.text.trimEnd());
    else if (command.name === "serve") return await runServer(command.config);
    else if (isTransfer(command)) {
      const { runTransfer } = await import("./transfer.ts");
      return await runTransfer(command, out);
    } else await administer(command, out);
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) return fail(exitUsage, error.problems);
    return fail(exitFailure, [error instanceof Error ? error.message : String(error)]);
  }
}

function isTransfer(command: Command): command is TransferCommand {
  return command.name === "import" || command.name === "export" || command.name === "backup";
}

/** Several workers are processes of their own, of which this may be one. */
async function runServer(config: Config): Promise<number> {
  if (config.workers === 1) {
    await serve(config, underSignals(config, out));
    return 0;
  }
  const { serveTogether } = await import("./cluster.ts");
  return serveTogether(config, out);
}

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(code: number, problems: readonly string[]): number {
  for (const problem of problems) process.stderr.write(`giraffe: ${problem}\n`);
  return code;
}
