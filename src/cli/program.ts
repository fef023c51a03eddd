import { CommanderError, Option, Command as Parser } from "commander";
import { ConfigError, type Environment } from "../config/config.ts";
import { flagOf, type Setting } from "../config/settings.ts";
import { releaseVersion } from "../config/version.ts";
import { type AnyCommand, missingFlags, type ReadCommand } from "./command/command.ts";

/** What the help says of each group: `org` is the group of `org create`. */
const groups: Readonly<Record<string, string>> = {
  org: "organizations",
  token: "personal access tokens of service accounts",
  member: "roles of subjects, such as external users",
  user: "people whose profiles are stored",
};

/** What a command line asks for: the help or the version to print, or a command to run. */
export type Parsed =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "command"; readonly command: ReadCommand };

/**
 * Turn a command line into a command.
 *
 * @param argv Without the interpreter and the script.
 * @param commands Those that there are, in the order of the help.
 * @param environment Default: the environment of the process.
 * @throws ConfigError with everything that is wrong.
 */
export function parseCommand(
  argv: readonly string[],
  commands: readonly AnyCommand[],
  environment?: Environment,
): Parsed {
  let found: ReadCommand | undefined;
  let printed = "";
  const root = new Parser("giraffe")
    .description("Stores people's profiles and lets any ZITADEL client change them.")
    .version(releaseVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: () => {},
    });
  for (const command of commands) {
    const parser = addParser(root, command);
    parser.action(() => {
      found = readCommand(command, parser, environment);
    });
  }

  try {
    root.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "help", text: printed };
    // The last flag has no value. Parse again with an empty one, which is refused together with
    // whatever else is wrong.
    if (error.code === "commander.optionMissingArgument") {
      return parseCommand([...argv, ""], commands, environment);
    }
    throw new ConfigError([problemOf(error)]);
  }
  if (found === undefined) throw new Error("the parser ran no command");
  return { kind: "command", command: found };
}

function addParser(root: Parser, { name, help, argument, flags }: AnyCommand): Parser {
  const words = name.split(" ");
  const [group = "", word] = words;
  const parent = word === undefined ? root : groupOf(root, group);
  const parser = parent
    .command(word ?? group)
    .description(help)
    .allowUnknownOption()
    .allowExcessArguments();
  if (argument !== undefined) parser.usage(`${argument} [options]`);
  for (const [flag, setting] of Object.entries(flags)) parser.addOption(optionOf(flag, setting));
  if (name === "serve") {
    parser.addHelpText(
      "after",
      "\nInstead of a flag, set GIRAFFE_ and its name: GIRAFFE_LOG_LEVEL for --log-level.",
    );
  }
  return parser;
}

function groupOf(root: Parser, name: string): Parser {
  const known = root.commands.find((each) => each.name() === name);
  return known ?? root.command(name).description(groups[name] ?? "");
}

/** The parser does not set defaults, because they would look like flags that were given. */
function optionOf(name: string, setting: Setting): Option {
  const flag = flagOf(name);
  const help =
    setting.fallback === undefined
      ? setting.help
      : `${setting.help} (default: ${setting.fallback})`;
  if (setting.argument === undefined) return new Option(flag, help);
  const option = new Option(`${flag} <${setting.argument}>`, help);
  if (setting.isList) {
    option.argParser((value, previous: readonly string[] = []) => [...previous, value]);
  }
  return option;
}

/** @throws ConfigError with everything that is wrong. */
function readCommand(
  command: AnyCommand,
  parser: Parser,
  environment: Environment | undefined,
): ReadCommand {
  const { argument, problems } = operandsOf(parser, command);
  const given = parser.opts();
  const reading = command.read({ given, argument, environment });
  const all = [
    ...problems,
    ...missingFlags(command, given),
    ...(reading.kind === "refused" ? reading.problems : []),
  ];
  if (reading.kind === "refused" || all.length > 0) throw new ConfigError(all);
  return reading.value;
}

/**
 * The positional argument, and what is wrong with the rest. Commander puts into `args` what it does not
 * recognise: the positional arguments, then the first unknown flag and everything after it. What follows
 * an unknown flag may be the value of that flag, so it is not reported.
 */
function operandsOf(
  parser: Parser,
  { argument, mayLackArgument }: Pick<AnyCommand, "argument" | "mayLackArgument">,
) {
  const isFlag = (text: string) => text.length > 1 && text.startsWith("-");
  const unknown = parser.args.filter(isFlag);
  const operands = parser.args.slice(
    0,
    unknown.length === 0 ? undefined : parser.args.findIndex(isFlag),
  );
  const [operand, ...others] = argument === undefined ? ["", ...operands] : operands;
  const isMissing = argument !== undefined && !mayLackArgument && !operand && unknown.length === 0;
  return {
    argument: operand ?? "",
    problems: [
      ...unknown.map((text) => unknownFlag(parser, text)),
      ...others.map((text) => `${JSON.stringify(text)} is an unexpected argument`),
      ...(isMissing ? [`${argument} is missing`] : []),
    ],
  };
}

function unknownFlag(parser: Parser, text: string): string {
  const [flag = text] = text.split("=");
  return parser.options.some(({ long }) => long === flag)
    ? `${flag} takes no value`
    : `${flag} is not a flag of this command; --help lists them`;
}

function problemOf(error: CommanderError): string {
  if (error.code === "commander.help") return "a command is missing; --help lists them";
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  const isGuessed = message.includes("(Did you mean");
  return error.code === "commander.unknownCommand" && !isGuessed
    ? `${message}; --help lists them`
    : message;
}
