import type { Database, Environment, Given, Reading } from "../../config/config.ts";
import { readDatabase } from "../../config/config.ts";
import type { Setting } from "../../config/settings.ts";
import { databaseSetting, flagOf } from "../../config/settings.ts";

/** Prints one line on stdout. */
export type Out = (line: string) => void;

/** A command line as typed, without the command's name. */
export type Line = {
  readonly given: Given;
  /** Empty if the command takes none. */
  readonly argument: string;
  /** `undefined` for that of the process. */
  readonly environment: Environment | undefined;
};

/** One command: its name, its flags, its help and what it does. */
export type Command<Options> = {
  /** As typed: one word, or a group and a word. */
  readonly name: string;
  readonly help: string;
  /** The positional argument, as the help shows it. It is required. Default: the command takes none. */
  readonly argument?: string;
  /** Whether it may be left out. Default: false. */
  readonly mayLackArgument?: true;
  readonly flags: Readonly<Record<string, Setting>>;
  /** Flags that have to be given. */
  readonly required?: readonly string[];
  /** What the command line asks for, or everything that is wrong with it. */
  readonly read: (line: Line) => Reading<Options>;
  /** @returns The exit code. */
  readonly run: (options: Options, out: Out) => Promise<number>;
};

/** A command whose options have been read. */
export type ReadCommand = {
  readonly name: string;
  readonly options: unknown;
  readonly run: (out: Out) => Promise<number>;
};

/** A command as the parser takes it, whatever its options are. */
export type AnyCommand = Omit<Command<unknown>, "read" | "run"> & {
  readonly read: (line: Line) => Reading<ReadCommand>;
};

/** Tie a command's `read` and `run` together, so that commands of different options make one list. */
export function anyCommand<Options>({ read, run, ...command }: Command<Options>): AnyCommand {
  return {
    ...command,
    read(line) {
      const reading = read(line);
      if (reading.kind === "refused") return reading;
      const options = reading.value;
      return {
        kind: "accepted",
        value: { name: command.name, options, run: (out) => run(options, out) },
      };
    },
  };
}

/** What every command but `serve` takes. */
export type AdminOptions = { readonly database: Database; readonly json: boolean };

/** The flags of `AdminOptions`. */
export const adminFlags = {
  database: databaseSetting,
  json: { help: "print one JSON document" },
} as const satisfies Record<string, Setting>;

/** Read `AdminOptions`, and add what else the command has read. */
export function withAdminOptions<Options>(
  { given, environment }: Line,
  options: Options,
): Reading<AdminOptions & Options> {
  const reading = readDatabase(given, environment);
  if (reading.kind === "refused") return reading;
  const value = { database: reading.value, json: given.json === true, ...options };
  return { kind: "accepted", value };
}

/** The value of a flag that takes one value; `undefined` if the flag is not given. */
export function textOf(given: Given, name: string): string | undefined {
  const value = given[name];
  return typeof value === "string" ? value : undefined;
}

/** One sentence for each required flag that is missing or empty. */
export function missingFlags(
  { required = [], flags }: Pick<AnyCommand, "required" | "flags">,
  given: Given,
): string[] {
  return required
    .filter((name) => !given[name])
    .map((name) => `${flagOf(name)} is missing: ${flags[name]?.help}`);
}
