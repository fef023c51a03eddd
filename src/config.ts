import { accessSync, constants, statSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, join, resolve } from "node:path";
import * as v from "valibot";

export type Database = {
  readonly kind: "sqlite";
  /** Absolute, or `:memory:`. */
  readonly path: string;
};

/** What `serve` runs with. Frozen. */
export type Config = {
  /** An IPv6 host is without brackets. Port 0 picks a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly database: Database;
  /** Absolute. Where the first token goes. */
  readonly adminTokenFile: string;
  /** Absolute paths of PEM files that could be read when the configuration was. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly demo: boolean;
  /** Exact origins, or `*` for any. */
  readonly corsOrigins: "*" | readonly string[];
  /** Per message, after decompression. */
  readonly maxMessageBytes: number;
  /** For calls that bring no deadline. Never more than `maxDeadlineMs`. */
  readonly defaultDeadlineMs: number;
  readonly maxDeadlineMs: number;
  readonly drainMs: number;
  readonly logLevel: (typeof logLevels)[number];
  readonly defaultLanguage: string;
};

/** The configuration is not acceptable. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** All of them, one sentence each. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Environment variables by name, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Values of flags by setting, as typed: `true` for a flag without argument. */
export type Given = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;

/** A configuration, or everything that is wrong with it. */
export type Reading<Value> =
  | { readonly kind: "accepted"; readonly value: Value }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** How a setting is presented. A flag without `argument` is on or off. */
export type Setting = {
  readonly argument?: string;
  readonly fallback?: string;
  /** Several values: the flag repeated, or the variable separated by commas. */
  readonly isList?: true;
  readonly help: string;
};

export const databaseSetting = {
  argument: "URL",
  fallback: "sqlite:data/giraffe.db",
  help: "sqlite:PATH, or sqlite::memory: to forget everything at the end",
} as const satisfies Setting;

/** The settings of `serve`, in the order of its help. Flag and variable are made from the name. */
export const serveSettings = {
  listen: {
    argument: "HOST:PORT",
    fallback: "127.0.0.1:8080",
    help: "one port for every protocol; port 0 picks a free one",
  },
  database: databaseSetting,
  adminTokenFile: {
    argument: "FILE",
    help: "where the first token goes (default: admin.token beside the database file)",
  },
  tlsCert: { argument: "FILE", help: "PEM certificate chain; needs --tls-key" },
  tlsKey: { argument: "FILE", help: "PEM private key of the certificate" },
  demo: { help: "add a demo user to an empty database, and allow any CORS origin" },
  corsOrigin: {
    argument: "ORIGIN",
    isList: true,
    help: "a web origin that may call, or * for any; repeatable (default: none, with --demo *)",
  },
  maxMessageBytes: {
    argument: "BYTES",
    fallback: "65536",
    help: "largest message, after decompression",
  },
  defaultDeadlineMs: {
    argument: "MS",
    help: "deadline of a call that brings none (default: 10000, or the maximum if that is less)",
  },
  maxDeadlineMs: { argument: "MS", fallback: "60000", help: "longest deadline of a call" },
  drainMs: {
    argument: "MS",
    fallback: "10000",
    help: "time for calls in flight at shutdown",
  },
  logLevel: { argument: "LEVEL", fallback: "info", help: "lowest level that is logged" },
  defaultLanguage: {
    argument: "TAG",
    fallback: "en",
    help: "language of messages for callers without a preference",
  },
} as const satisfies Record<string, Setting>;

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
const usualDeadlineMs = 10_000;
/** The longest time that a Node timer keeps; a longer one fires at once. */
const maxTimerMs = 2_147_483_647;
/** A message is held in memory as a whole, once per call in flight. */
const maxMessageBytesLimit = 67_108_864;

/**
 * Read the configuration of `serve`: flags beat environment beat defaults. A variable that is empty
 * counts as not set. Looks whether the TLS files can be read; opens nothing.
 *
 * @param languages Tags of the translations there are.
 */
export function readConfig(
  given: Given,
  languages: readonly string[],
  environment: Environment = process.env,
): Reading<Config> {
  const reading = read(serveSettings, serveSchema(languages), given, environment);
  if (reading.kind === "refused") return reading;
  const { listen, database, adminTokenFile, tlsCert, tlsKey, corsOrigin, ...rest } = reading.value;
  const defaultDeadlineMs = rest.defaultDeadlineMs ?? Math.min(usualDeadlineMs, rest.maxDeadlineMs);
  const value: Config = {
    ...rest,
    listen: Object.freeze(listen),
    database: Object.freeze(database),
    adminTokenFile: adminTokenFile ?? join(dirname(database.path), "admin.token"),
    tls: tlsCert && tlsKey ? Object.freeze({ certFile: tlsCert, keyFile: tlsKey }) : undefined,
    corsOrigins: corsOriginsOf(corsOrigin ?? (rest.demo ? ["*"] : [])),
    defaultDeadlineMs,
  };
  return { kind: "accepted", value: Object.freeze(value) };
}

/** Read the one setting that admin commands share with `serve`. */
export function readDatabase(
  given: Given,
  environment: Environment = process.env,
): Reading<Database> {
  const schema = v.object({ database: databaseSchema });
  const reading = read({ database: databaseSetting }, schema, given, environment);
  if (reading.kind === "refused") return reading;
  return { kind: "accepted", value: Object.freeze(reading.value.database) };
}

/** `--max-message-bytes` for `maxMessageBytes`. */
export function flagOf(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `GIRAFFE_MAX_MESSAGE_BYTES` for `maxMessageBytes`. */
function variableOf(setting: string): string {
  return `GIRAFFE_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

type Entry = { readonly value: string | readonly string[] | undefined; readonly source: string };

function read<Schema extends v.GenericSchema>(
  settings: Readonly<Record<string, Setting>>,
  schema: Schema,
  given: Given,
  environment: Environment,
): Reading<v.InferOutput<Schema>> {
  const entries = new Map<string, Entry>(
    Object.entries(settings).map(([name, setting]) => [
      name,
      entryOf(name, setting, given[name], environment[variableOf(name)]),
    ]),
  );
  const input = Object.fromEntries([...entries].map(([name, { value }]) => [name, value]));
  const result = v.safeParse(schema, input);
  if (result.success) return { kind: "accepted", value: result.output };
  return { kind: "refused", problems: result.issues.map((issue) => problemOf(issue, entries)) };
}

function entryOf(
  name: string,
  setting: Setting,
  flag: Given[string],
  variable: string | undefined,
): Entry {
  const source = flagOf(name);
  if (flag !== undefined) {
    return { value: typeof flag === "boolean" ? String(flag) : flag, source };
  }
  if (variable) {
    const value = setting.isList ? variable.split(",").map((item) => item.trim()) : variable;
    return { value, source: `${source} (from ${variableOf(name)})` };
  }
  return { value: setting.fallback, source };
}

function problemOf(issue: v.BaseIssue<unknown>, entries: ReadonlyMap<string, Entry>): string {
  const name = String(issue.path?.[0].key);
  const { value, source = flagOf(name) } = entries.get(name) ?? {};
  const text = Array.isArray(value) ? issue.input : value;
  if (typeof text !== "string") return `${source} is missing: ${issue.message}`;
  return `${source} ${JSON.stringify(withoutSecrets(name, text))}: ${issue.message}`;
}

/** What stands for another kind of database may hold a password. */
function withoutSecrets(name: string, text: string): string {
  const isShown = name !== "database" || text.startsWith("sqlite:");
  return isShown ? text : text.replace(/[:=].*$/s, (rest) => `${rest.charAt(0)}…`);
}

const listenSchema = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const [, bracketed, plain, digits] =
      /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(dataset.value) ?? [];
    const port = Number(digits);
    const host = bracketed ?? (plain || "127.0.0.1");
    const isHost = bracketed === undefined ? isHostName(host) : isIP(host) === 6;
    if (port <= 65_535 && isHost) return { host, port };
    addIssue({
      message: "give HOST:PORT with a port from 0 to 65535, and an IPv6 host in brackets",
    });
    return NEVER;
  }),
);

function isHostName(text: string): boolean {
  return text.length <= 253 && /^[0-9A-Za-z](?:[0-9A-Za-z._-]*[0-9A-Za-z])?$/.test(text);
}

/** A path is made absolute, so that SQLite takes it for a path and never for a URI or a keyword. */
const databaseSchema = v.pipe(
  v.string(),
  v.regex(
    /^sqlite:(?!\/\/)./s,
    "only SQLite is supported so far: give sqlite:PATH or sqlite::memory:",
  ),
  v.transform((url): Database => {
    const path = url.slice("sqlite:".length);
    return { kind: "sqlite", path: path === ":memory:" ? path : resolve(path) };
  }),
);

const fileSchema = v.pipe(
  v.string(),
  v.nonEmpty("give the path of a file"),
  v.transform((path) => resolve(path)),
);

const unreadableMessage = "give the path of a PEM file that can be read";

/** True for no file at all. */
function isReadableFile(path: string | undefined): boolean {
  if (path === undefined) return true;
  try {
    accessSync(path, constants.R_OK);
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const switchSchema = v.pipe(
  v.optional(v.picklist(["true", "false", "1", "0"], "give true or false"), "false"),
  v.transform((text) => text === "true" || text === "1"),
);

const originSchema = v.pipe(
  v.string(),
  v.check(
    (text) => text === "*" || isOrigin(text),
    "give * or an origin as browsers send it: scheme://host[:port] in lower case, without the scheme's own port, without path",
  ),
);

/** `*` inside a host would look like a pattern, and patterns are not supported. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.host === "" || text.includes("*")) return false;
  return `${url.protocol}//${url.host}` === text;
}

function corsOriginsOf(origins: readonly string[]): "*" | readonly string[] {
  return origins.includes("*") ? "*" : Object.freeze([...origins]);
}

function wholeNumberSchema(min: number, max: number) {
  const message = `give a whole number from ${min} to ${max}`;
  return v.pipe(
    v.string(),
    v.regex(/^[0-9]{1,15}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
}

function oneOfSchema<const Options extends readonly string[]>(options: Options) {
  return v.picklist(options, `give one of ${options.join(", ")}`);
}

function serveSchema(languages: readonly string[]) {
  return v.pipe(
    v.object({
      listen: listenSchema,
      database: databaseSchema,
      adminTokenFile: v.optional(fileSchema),
      tlsCert: v.optional(fileSchema),
      tlsKey: v.optional(fileSchema),
      demo: switchSchema,
      corsOrigin: v.optional(v.array(originSchema)),
      maxMessageBytes: wholeNumberSchema(1, maxMessageBytesLimit),
      defaultDeadlineMs: v.optional(wholeNumberSchema(1, maxTimerMs)),
      maxDeadlineMs: wholeNumberSchema(1, maxTimerMs),
      drainMs: wholeNumberSchema(0, maxTimerMs),
      logLevel: oneOfSchema(logLevels),
      defaultLanguage: oneOfSchema(languages),
    }),
    v.forward(
      v.partialCheck(
        [["database"], ["adminTokenFile"]],
        ({ database, adminTokenFile }) =>
          database.path !== ":memory:" || adminTokenFile !== undefined,
        "a database in memory has no place for the first token; give the path of a file",
      ),
      ["adminTokenFile"],
    ),
    v.forward(
      v.partialCheck(
        [["tlsCert"], ["tlsKey"]],
        ({ tlsCert, tlsKey }) => tlsCert === undefined || tlsKey !== undefined,
        "TLS needs both --tls-cert and --tls-key",
      ),
      ["tlsKey"],
    ),
    v.forward(
      v.partialCheck(
        [["tlsCert"], ["tlsKey"]],
        ({ tlsCert, tlsKey }) => tlsKey === undefined || tlsCert !== undefined,
        "TLS needs both --tls-cert and --tls-key",
      ),
      ["tlsCert"],
    ),
    v.forward(
      v.partialCheck([["tlsCert"]], ({ tlsCert }) => isReadableFile(tlsCert), unreadableMessage),
      ["tlsCert"],
    ),
    v.forward(
      v.partialCheck([["tlsKey"]], ({ tlsKey }) => isReadableFile(tlsKey), unreadableMessage),
      ["tlsKey"],
    ),
    v.forward(
      v.partialCheck(
        [["defaultDeadlineMs"], ["maxDeadlineMs"]],
        ({ defaultDeadlineMs, maxDeadlineMs }) => (defaultDeadlineMs ?? 0) <= maxDeadlineMs,
        "give at most the value of --max-deadline-ms",
      ),
      ["defaultDeadlineMs"],
    ),
  );
}
