import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import * as v from "valibot";
import { postgresFiles, postgresUrlProblem } from "../store/postgres/connection/url.ts";

export type Database =
  | {
      readonly kind: "sqlite";
      /** Absolute, or `:memory:`. */
      readonly path: string;
    }
  | {
      readonly kind: "postgres";
      /** May name several hosts, and holds a password. */
      readonly url: string;
    };

export type LogLevel = (typeof logLevels)[number];

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Languages of messages. Each has a file of texts in the rpc layer, which loads it when it is needed. */
export const languages = [
  "bg",
  "cs",
  "de",
  "en",
  "es",
  "fr",
  "hu",
  "id",
  "it",
  "ja",
  "ko",
  "mk",
  "nl",
  "pl",
  "pt",
  "ro",
  "ru",
  "sv",
  "tr",
  "zh",
] as const;

/** The longest time that a Node timer keeps; a longer one fires at once. */
const maxTimerMs = 2_147_483_647;

/** As gRPC's own default: a message is held in memory as a whole, and decompressed in one go. */
const maxMessageBytes = 4_194_304;

/** Far more than gain anything. */
const maxWorkers = 256;

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

const sqliteUrl = /^sqlite:(?!\/\/)./s;

/** A path is made absolute, so that SQLite takes it for a path and never for a URI or a keyword. */
export const databaseSchema = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const message = dataset.typed ? databaseProblem(dataset.value) : undefined;
    if (message !== undefined) addIssue({ message });
  }),
  v.transform((url): Database => {
    if (!sqliteUrl.test(url)) return { kind: "postgres", url };
    const path = url.slice("sqlite:".length);
    return { kind: "sqlite", path: path === ":memory:" ? path : resolve(path) };
  }),
);

function databaseProblem(url: string): string | undefined {
  if (sqliteUrl.test(url)) return undefined;
  const problem = postgresUrlProblem(url);
  if (problem !== undefined) return problem;
  const missing = postgresFiles(url).find((file) => !isReadableFile(file));
  return missing && `the file ${missing} cannot be read`;
}

const fileSchema = v.pipe(
  v.string(),
  v.nonEmpty("give the path of a file"),
  v.transform((path) => resolve(path)),
);

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

function isBlankFile(path: string | undefined): boolean {
  return path !== undefined && readFileSync(path, "utf8").trim() === "";
}

const providerUrlSchema = v.pipe(
  v.string(),
  v.check(
    isProviderUrl,
    "give a URL with https, or with http on loopback, without user, query and fragment",
  ),
);

/** Whoever is between us and the provider could let anyone in, so there must be TLS, or nobody between. */
function isProviderUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\/[^\s?#@\\]+$/.test(text)) return false;
  return url.protocol === "https:" || isLoopback(url.hostname);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));
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

const rangeSchema = v.pipe(
  v.string(),
  v.check(isRange, "give an IP address, or a range such as 10.0.0.0/8 or 2001:db8::/32"),
);

function isRange(text: string): boolean {
  const [, address = "", prefix = "0"] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  return isIP(address) !== 0 && Number(prefix) <= (isIP(address) === 6 ? 128 : 32);
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

/** What the value of each flag of `serve` must be, by itself. */
const flagsSchema = v.object({
  listen: listenSchema,
  database: databaseSchema,
  adminTokenFile: v.optional(fileSchema),
  tlsCert: v.optional(fileSchema),
  tlsKey: v.optional(fileSchema),
  workers: v.optional(wholeNumberSchema(1, maxWorkers)),
  demo: switchSchema,
  corsOrigin: v.optional(v.array(originSchema)),
  trustedProxy: v.optional(v.array(rangeSchema)),
  oidcIssuer: v.optional(providerUrlSchema),
  oidcAudience: v.optional(v.pipe(v.string(), v.nonEmpty("give one of the aud of the tokens"))),
  introspectionUrl: v.optional(providerUrlSchema),
  introspectionClientId: v.optional(v.pipe(v.string(), v.nonEmpty("give the client's id"))),
  introspectionClientSecretFile: v.optional(fileSchema),
  maxMessageBytes: wholeNumberSchema(1, maxMessageBytes),
  defaultDeadlineMs: v.optional(wholeNumberSchema(1, maxTimerMs)),
  maxDeadlineMs: wholeNumberSchema(1, maxTimerMs),
  drainMs: wholeNumberSchema(0, maxTimerMs),
  logLevel: oneOfSchema(logLevels),
  defaultLanguage: oneOfSchema(languages),
});

type Flags = v.InferOutput<typeof flagsSchema>;
type Flag = keyof Flags;

/** What must be true of several flags together, or of the file that one of them names. */
type Rule = {
  /** The flag that is named if the rule is broken. */
  readonly blames: Flag;
  /** The rule is judged once each of these is right by itself. `blames` is one of them. */
  readonly reads: readonly Flag[];
  readonly holds: (flags: Partial<Flags>) => boolean;
  readonly message: string;
};

const unreadable = "give the path of a PEM file that can be read";

const rules: readonly Rule[] = [
  {
    blames: "adminTokenFile",
    reads: ["adminTokenFile", "database"],
    holds: ({ adminTokenFile, database }) =>
      adminTokenFile !== undefined || database?.kind !== "sqlite" || database.path !== ":memory:",
    message: "a database in memory has no place for the first token; give the path of a file",
  },
  {
    blames: "workers",
    reads: ["workers", "database"],
    holds: ({ workers = 1, database }) => database?.kind !== "sqlite" || workers <= 1,
    message: "a SQLite database is served by one process; more need PostgreSQL",
  },
  ...allOrNone(["tlsCert", "tlsKey"], "TLS needs both --tls-cert and --tls-key"),
  {
    blames: "tlsCert",
    reads: ["tlsCert"],
    holds: ({ tlsCert }) => isReadableFile(tlsCert),
    message: unreadable,
  },
  {
    blames: "tlsKey",
    reads: ["tlsKey"],
    holds: ({ tlsKey }) => isReadableFile(tlsKey),
    message: unreadable,
  },
  ...allOrNone(["oidcIssuer", "oidcAudience"], "JWTs need both --oidc-issuer and --oidc-audience"),
  ...allOrNone(
    ["introspectionUrl", "introspectionClientId", "introspectionClientSecretFile"],
    "introspection needs --introspection-url, --introspection-client-id and --introspection-client-secret-file",
  ),
  {
    blames: "introspectionClientSecretFile",
    reads: ["introspectionClientSecretFile"],
    holds: ({ introspectionClientSecretFile: file }) => isReadableFile(file) && !isBlankFile(file),
    message: "give the path of a file that can be read and holds the secret",
  },
  {
    blames: "defaultDeadlineMs",
    reads: ["defaultDeadlineMs", "maxDeadlineMs"],
    holds: ({ defaultDeadlineMs = 0, maxDeadlineMs = 0 }) => defaultDeadlineMs <= maxDeadlineMs,
    message: "give at most the value of --max-deadline-ms",
  },
];

/** Each of these flags is given, or none of them is. */
function allOrNone(names: readonly Flag[], message: string): Rule[] {
  return names.map((name) => ({
    blames: name,
    reads: names,
    holds: (flags) =>
      flags[name] !== undefined || names.every((other) => flags[other] === undefined),
    message,
  }));
}

/** What the values of `serve` must be, alone and together; their types when they are. */
export const serveSchema = v.pipe(flagsSchema, ...rules.map(checkFromRule));

/** Valibot's types name the flags that a check reads one by one, so they know no check made from data. */
function checkFromRule({ blames, reads, holds, message }: Rule) {
  const paths = reads.map((flag) => [flag] as const) as [readonly [Flag]];
  const check = v.partialCheck<Flags, typeof paths, Flags, string>(paths, holds, message);
  return v.forward<Flags, v.BaseIssue<unknown>, [Flag]>(check, [blames]);
}
