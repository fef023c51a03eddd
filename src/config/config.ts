import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { serveSchema } from "./config-schema.ts";
import { databaseSetting, flagOf, type Setting, serveSettings, variableOf } from "./settings.ts";
import { type Database, databaseSchema, type LogLevel } from "./value-schemas.ts";

export type { Database } from "./value-schemas.ts";

/** What `serve` runs with. Frozen. */
export type Config = {
  /** An IPv6 host is without brackets. Port 0 picks a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly database: Database;
  /** Absolute. Where the first token goes. `undefined`: there must be one already. */
  readonly adminTokenFile: string | undefined;
  /** Absolute paths of PEM files that could be read when the configuration was. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** Processes that share the port. */
  readonly workers: number;
  readonly demo: boolean;
  /** Absolute. A file with users for a database in memory. */
  readonly seedFile: string | undefined;
  /** Whether `POST /debug/reset` puts everything back. Only with a database in memory, on loopback. */
  readonly test: boolean;
  /** The issuer whose JWTs are accepted, and the audience that they must have. */
  readonly oidc: { readonly issuer: string; readonly audience: string } | undefined;
  /** How people sign in to the console with that issuer. */
  readonly consoleSignIn:
    | { readonly issuer: string; readonly clientId: string; readonly scope: string }
    | undefined;
  /** The endpoint that is asked about opaque tokens. The path of the file is absolute; the file could be read. */
  readonly introspection:
    | { readonly url: string; readonly clientId: string; readonly clientSecretFile: string }
    | undefined;
  /** Exact origins, or `*` for any. */
  readonly corsOrigins: "*" | readonly string[];
  /** IP addresses and CIDR ranges. */
  readonly trustedProxies: readonly string[];
  /** Whether every change of a user needs `If-Match`. */
  readonly requireIfMatch: boolean;
  /** Per message, after decompression. */
  readonly maxMessageBytes: number;
  /** For calls that set no deadline. Never more than `maxDeadlineMs`. */
  readonly defaultDeadlineMs: number;
  readonly maxDeadlineMs: number;
  readonly drainMs: number;
  readonly logLevel: LogLevel;
  readonly defaultLanguage: string;
  /** Answers to calls of v1 over REST name their successor in v2. */
  readonly deprecationHeaders: boolean;
};

/** The configuration or the command line is not acceptable. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** One sentence each. */
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

const usualDeadlineMs = 10_000;

/** Workers on PostgreSQL for a machine with so many cores. docs/decisions/013 has the figures. */
export const usualWorkers = (cores: number): number => Math.max(1, Math.floor(cores / 2));

/**
 * Read the configuration of `serve`: flags beat the environment, which beats defaults. An empty
 * variable counts as not set. Checks that the files that are named can be read.
 */
export function readConfig(given: Given, environment: Environment = process.env): Reading<Config> {
  const reading = read(serveSettings, serveSchema, given, environment);
  if (reading.kind === "refused") return reading;
  const flags = reading.value;
  const { database, maxDeadlineMs } = flags;
  const value: Config = {
    listen: Object.freeze(flags.listen),
    database: Object.freeze(database),
    adminTokenFile: flags.adminTokenFile ?? besideDatabase(database),
    tls: allOf({ certFile: flags.tlsCert, keyFile: flags.tlsKey }),
    workers:
      flags.workers ?? (database.kind === "sqlite" ? 1 : usualWorkers(availableParallelism())),
    demo: flags.demo,
    seedFile: flags.seed,
    test: flags.test,
    oidc: allOf({ issuer: flags.oidcIssuer, audience: flags.oidcAudience }),
    consoleSignIn: allOf({
      issuer: flags.oidcIssuer,
      clientId: flags.oidcConsoleClientId,
      scope: flags.oidcConsoleScope ?? "openid",
    }),
    introspection: allOf({
      url: flags.introspectionUrl,
      clientId: flags.introspectionClientId,
      clientSecretFile: flags.introspectionClientSecretFile,
    }),
    corsOrigins: corsOriginsOf(flags.corsOrigin ?? (flags.demo ? ["*"] : [])),
    trustedProxies: Object.freeze(flags.trustedProxy ?? []),
    requireIfMatch: flags.requireIfMatch,
    maxMessageBytes: flags.maxMessageBytes,
    defaultDeadlineMs: flags.defaultDeadlineMs ?? Math.min(usualDeadlineMs, maxDeadlineMs),
    maxDeadlineMs,
    drainMs: flags.drainMs,
    logLevel: flags.logLevel,
    defaultLanguage: flags.defaultLanguage,
    deprecationHeaders: flags.deprecationHeaders,
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

/** Of the tests of this project. */
const otherVariables: readonly string[] = [
  "GIRAFFE_TEST_POSTGRES_URL",
  "GIRAFFE_TEST_POSTGRES_PREPARE",
];

/** Variables that look like settings of ours and are none, by name. Their values may be secrets. */
export function unknownVariables(environment: Environment = process.env): string[] {
  const known = [...Object.keys(serveSettings).map(variableOf), ...otherVariables];
  return Object.keys(environment).filter(
    (name) =>
      name.startsWith("GIRAFFE_") &&
      !known.includes(name) &&
      !isServiceLink(name, environment[name]),
  );
}

/** Kubernetes sets these for a service that is named giraffe, or giraffe- and more. */
function isServiceLink(name: string, value = ""): boolean {
  if (name.endsWith("_PORT")) return value.includes("://");
  return ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"].some((part) => name.includes(part));
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

/** An error must not show a password: those of a PostgreSQL URL, and of any URL with an @, are cut out. */
function withoutSecrets(name: string, text: string): string {
  if (name !== "database") return text.replace(/\/\/.*:.*@/s, "//…@");
  if (text.startsWith("sqlite:")) return text;
  return text.replace(/[:=].*$/s, (rest) => `${rest.charAt(0)}…`);
}

/** Settings that only make sense together: frozen if all of them are given, else `undefined`. */
function allOf<Name extends string>(
  parts: Readonly<Record<Name, string | undefined>>,
): Readonly<Record<Name, string>> | undefined {
  const isWhole = Object.values(parts).every((part) => part !== undefined);
  return isWhole ? Object.freeze(parts as Record<Name, string>) : undefined;
}

function besideDatabase(database: Database): string | undefined {
  return database.kind === "sqlite" ? join(dirname(database.path), "admin.token") : undefined;
}

function corsOriginsOf(origins: readonly string[]): "*" | readonly string[] {
  return origins.includes("*") ? "*" : Object.freeze([...origins]);
}
