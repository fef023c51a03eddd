import { expect } from "vitest";
import { commandsFor } from "../../src/cli/commands.ts";
import { parseCommand } from "../../src/cli/program.ts";
import { ConfigError, type Environment } from "../../src/config/config.ts";

const commands = await commandsFor([]);

export const parse = (argv: readonly string[], environment: Environment = {}) =>
  parseCommand(argv, commands, environment);

/** The name and options of the command that a command line asks for. */
export function read(argv: readonly string[], environment?: Environment) {
  const parsed = parse(argv, environment);
  if (parsed.kind === "help") throw new Error("not a command, but a request for help");
  const { name, options } = parsed.command;
  return { name, options };
}

/** What a command line is refused for. */
export function problemsOf(argv: readonly string[], environment?: Environment): readonly string[] {
  try {
    parse(argv, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
}
