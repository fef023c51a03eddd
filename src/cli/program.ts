import { CommanderError, Option, Command as Parser } from "commander";
import {
  type Config,
  ConfigError,
  type Database,
  databaseSetting,
  type Environment,
  flagOf,
  type Given,
  type Reading,
  readConfig,
  readDatabase,
  type Setting,
  serveSettings,
} from "../config.ts";

/** What the command line asks for. */
export type Command =
  | { readonly name: "help"; readonly text: string }
  | { readonly name: "serve"; readonly config: Config }
  | ({
      readonly name: "org create";
      readonly options: { readonly name: string; readonly id: string | undefined };
    } & AdminFlags)
  | ({ readonly name: "org list" } & AdminFlags)
  | ({ readonly name: "token create"; readonly options: TokenFlags } & AdminFlags)
  | ({ readonly name: "token list" } & AdminFlags)
  | ({ readonly name: "token revoke"; readonly options: { readonly id: string } } & AdminFlags)
  | ({ readonly name: "member add" | "member remove"; readonly options: MemberFlags } & AdminFlags)
  | ({ readonly name: "member list"; readonly options: MemberFilter } & AdminFlags)
  | TransferCommand;

/** Commands about all users at once. */
export type TransferCommand =
  | ({ readonly name: "import"; readonly options: { readonly input: string } } & AdminFlags)
  | ({
      readonly name: "export";
      readonly options: { readonly organization: string | undefined };
    } & AdminFlags)
  | ({ readonly name: "backup"; readonly options: { readonly file: string } } & AdminFlags);

type AdminFlags = { readonly database: Database; readonly json: boolean };

type TokenFlags = {
  readonly name: string;
  readonly role: string;
  readonly organization: string | undefined;
  readonly expires: string | undefined;
};

type MemberFlags = {
  readonly subject: string;
  readonly role: string;
  readonly organization: string | undefined;
};

type MemberFilter = { readonly [Flag in keyof MemberFlags]: string | undefined };

const adminSettings = {
  database: databaseSetting,
  json: { help: "print one JSON document" },
} as const satisfies Record<string, Setting>;

const orgSettings = {
  id: { argument: "ID", help: "for users that are imported from elsewhere (default: a new one)" },
  ...adminSettings,
} as const satisfies Record<string, Setting>;

const exportSettings = {
  org: { argument: "ID", help: "only users of this organization (default: all)" },
  ...adminSettings,
} as const satisfies Record<string, Setting>;

const tokenSettings = {
  name: { argument: "NAME", help: "service account; created if there is none of that name" },
  role: { argument: "ROLE", help: "such as ORG_OWNER, or IAM_OWNER for the whole instance" },
  org: { argument: "ID", help: "organization (default: the only one); not for IAM_* roles" },
  expires: { argument: "DURATION", help: "such as 90d, 12h or 30m (default: never)" },
  ...adminSettings,
} as const satisfies Record<string, Setting>;

const memberSettings = {
  subject: { argument: "SUB", help: "the sub of the tokens, or the id of a service account" },
  role: { argument: "ROLE", help: "such as ORG_OWNER, or IAM_OWNER for the whole instance" },
  org: { argument: "ID", help: "organization (default: the only one); not for IAM_* roles" },
  ...adminSettings,
} as const satisfies Record<string, Setting>;

const memberFilterSettings = {
  subject: { argument: "SUB", help: "only roles of this subject (default: of all)" },
  role: { argument: "ROLE", help: "only this role (default: all)" },
  org: { argument: "ID", help: "only roles in this organization (default: anywhere)" },
  ...adminSettings,
} as const satisfies Record<string, Setting>;

/**
 * Turn a command line into a command.
 *
 * @param argv Without the interpreter and the script.
 * @param languages Tags of the translations there are.
 * @param environment Default: the environment of the process.
 * @throws ConfigError with everything that is wrong.
 */
export function parseCommand(
  argv: readonly string[],
  languages: readonly string[],
  environment?: Environment,
): Command {
  let command: Command | undefined;
  let printed = "";

  const root = new Parser("giraffe")
    .description("Stores people's profiles and lets any ZITADEL client change them.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: () => {},
    });

  const add = (parent: Parser, leaf: Leaf) => {
    const parser = parent
      .command(leaf.name)
      .description(leaf.help)
      .allowUnknownOption()
      .allowExcessArguments();
    if (leaf.argument !== undefined) parser.usage(`${leaf.argument} [options]`);
    for (const [name, setting] of Object.entries(leaf.settings)) {
      parser.addOption(optionOf(name, setting));
    }
    parser.action(() => {
      command = leaf.commandOf(lineOf(parser, leaf.argument));
    });
    return parser;
  };

  add(root, serveLeaf(languages, environment)).addHelpText(
    "after",
    "\nInstead of a flag, set GIRAFFE_ and its name: GIRAFFE_LOG_LEVEL for --log-level.",
  );
  const org = root.command("org").description("organizations");
  for (const leaf of orgLeaves(environment)) add(org, leaf);
  const token = root.command("token").description("personal access tokens of service accounts");
  for (const leaf of tokenLeaves(environment)) add(token, leaf);
  const member = root.command("member").description("roles of subjects, such as external users");
  for (const leaf of memberLeaves(environment)) add(member, leaf);
  for (const leaf of transferLeaves(environment)) add(root, leaf);

  try {
    root.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { name: "help", text: printed };
    // The last flag has no value. An empty one is refused together with whatever else is wrong.
    if (error.code === "commander.optionMissingArgument") {
      return parseCommand([...argv, ""], languages, environment);
    }
    throw new ConfigError([problemOf(error)]);
  }
  if (command === undefined) throw new Error("a command without action was parsed");
  return command;
}

/** A command without commands below it. */
type Leaf = {
  readonly name: string;
  readonly help: string;
  /** The one positional argument it needs. */
  readonly argument?: string;
  readonly settings: Readonly<Record<string, Setting>>;
  readonly commandOf: (line: Line) => Command;
};

/** A command line as typed. `argument` is empty if the command takes none. */
type Line = {
  readonly given: Given;
  readonly argument: string;
  readonly problems: readonly string[];
};

function serveLeaf(languages: readonly string[], environment: Environment | undefined): Leaf {
  return {
    name: "serve",
    help: "run the server until SIGTERM or SIGINT",
    settings: serveSettings,
    commandOf: ({ given, problems }) => ({
      name: "serve",
      config: settled(problems, readConfig(given, languages, environment)),
    }),
  };
}

function orgLeaves(environment: Environment | undefined): Leaf[] {
  return [
    {
      name: "create",
      help: "create an organization",
      argument: "NAME",
      settings: orgSettings,
      commandOf: (line) => ({
        name: "org create",
        ...adminFlags(line, environment),
        options: { name: line.argument, id: textOf(line.given, "id") },
      }),
    },
    {
      name: "list",
      help: "list the organizations",
      settings: adminSettings,
      commandOf: (line) => ({ name: "org list", ...adminFlags(line, environment) }),
    },
  ];
}

function tokenLeaves(environment: Environment | undefined): Leaf[] {
  return [
    {
      name: "create",
      help: "create a token, and its service account if need be; the secret is shown once",
      settings: tokenSettings,
      commandOf: ({ given, problems, ...line }) => {
        const missing = missingFlags(given, ["name", "role"], tokenSettings);
        return {
          name: "token create",
          ...adminFlags({ ...line, given, problems: [...problems, ...missing] }, environment),
          options: {
            name: textOf(given, "name") ?? "",
            role: textOf(given, "role") ?? "",
            organization: textOf(given, "org"),
            expires: textOf(given, "expires"),
          },
        };
      },
    },
    {
      name: "list",
      help: "list the tokens, without their secrets",
      settings: adminSettings,
      commandOf: (line) => ({ name: "token list", ...adminFlags(line, environment) }),
    },
    {
      name: "revoke",
      help: "make a token useless for ever",
      argument: "ID",
      settings: adminSettings,
      commandOf: (line) => ({
        name: "token revoke",
        ...adminFlags(line, environment),
        options: { id: line.argument },
      }),
    },
  ];
}

function memberLeaves(environment: Environment | undefined): Leaf[] {
  const changes = [
    { name: "add", help: "give a subject a role" },
    { name: "remove", help: "take a role from a subject" },
  ] as const;
  return [
    ...changes.map(({ name, help }): Leaf => {
      return {
        name,
        help,
        settings: memberSettings,
        commandOf: ({ given, problems, ...line }) => {
          const missing = missingFlags(given, ["subject", "role"], memberSettings);
          return {
            name: `member ${name}`,
            ...adminFlags({ ...line, given, problems: [...problems, ...missing] }, environment),
            options: {
              subject: textOf(given, "subject") ?? "",
              role: textOf(given, "role") ?? "",
              organization: textOf(given, "org"),
            },
          };
        },
      };
    }),
    {
      name: "list",
      help: "list who has which role",
      settings: memberFilterSettings,
      commandOf: (line) => ({
        name: "member list",
        ...adminFlags(line, environment),
        options: {
          subject: textOf(line.given, "subject"),
          role: textOf(line.given, "role"),
          organization: textOf(line.given, "org"),
        },
      }),
    },
  ];
}

function transferLeaves(environment: Environment | undefined): Leaf[] {
  return [
    {
      name: "import",
      help: "add users from lines of JSON in a file, or - for stdin; goes on where it was broken off",
      argument: "FILE",
      settings: adminSettings,
      commandOf: (line) => ({
        name: "import",
        ...adminFlags(line, environment),
        options: { input: line.argument },
      }),
    },
    {
      name: "export",
      help: "write all users as lines of JSON",
      settings: exportSettings,
      commandOf: (line) => ({
        name: "export",
        ...adminFlags(line, environment),
        options: { organization: textOf(line.given, "org") },
      }),
    },
    {
      name: "backup",
      help: "copy the SQLite database into a new file while a server uses it",
      argument: "FILE",
      settings: adminSettings,
      commandOf: (line) => ({
        name: "backup",
        ...adminFlags(line, environment),
        options: { file: line.argument },
      }),
    },
  ];
}

function missingFlags<const Name extends string>(
  given: Given,
  names: readonly Name[],
  settings: Readonly<Record<Name, Setting>>,
): string[] {
  return names
    .filter((name) => !given[name])
    .map((name) => `${flagOf(name)} is missing: ${settings[name].help}`);
}

function adminFlags({ given, problems }: Line, environment: Environment | undefined): AdminFlags {
  return {
    database: settled(problems, readDatabase(given, environment)),
    json: given.json === true,
  };
}

function settled<Value>(problems: readonly string[], reading: Reading<Value>): Value {
  const all = reading.kind === "refused" ? [...problems, ...reading.problems] : problems;
  if (reading.kind === "refused" || problems.length > 0) throw new ConfigError(all);
  return reading.value;
}

function textOf(given: Given, name: string): string | undefined {
  const value = given[name];
  return typeof value === "string" ? value : undefined;
}

/** Defaults are told, not set: a default of the parser could not be told from a flag. */
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

/**
 * What commander did not recognise it leaves in `args`: operands, then the first unknown flag and
 * what follows. An operand after an unknown flag may be that flag's value and is not judged.
 */
function lineOf(parser: Parser, argument: string | undefined): Line {
  const isFlag = (text: string) => text.length > 1 && text.startsWith("-");
  const unknown = parser.args.filter(isFlag);
  const operands = parser.args.slice(
    0,
    unknown.length === 0 ? undefined : parser.args.findIndex(isFlag),
  );
  const [operand, ...others] = argument === undefined ? ["", ...operands] : operands;
  const isMissing = argument !== undefined && !operand && unknown.length === 0;
  return {
    given: parser.opts(),
    argument: operand ?? "",
    problems: [
      ...unknown.map((text) => unknownFlag(parser, text)),
      ...others.map((text) => `${JSON.stringify(text)} is one argument too many`),
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
  return error.code === "commander.help"
    ? "a command is missing; --help lists them"
    : error.message.replace(/^error: /, "").replaceAll("\n", " ");
}
