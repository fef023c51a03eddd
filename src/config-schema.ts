import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import * as v from "valibot";

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
  v.check(
    (url) => sqliteUrl.test(url) || isPostgresUrl(url),
    "give sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST:PORT/DATABASE, where several hosts are separated by commas and target_session_attrs, if given, is read-write or primary",
  ),
  v.transform((url): Database => {
    if (!sqliteUrl.test(url)) return { kind: "postgres", url };
    const path = url.slice("sqlite:".length);
    return { kind: "sqlite", path: path === ":memory:" ? path : resolve(path) };
  }),
);

/** Only a primary can be written, so that is the only kind of session there is. */
const sessionAttributes: readonly (string | null)[] = [null, "read-write", "primary"];

function isPostgresUrl(text: string): boolean {
  const [, before = "", hosts = "", after = ""] =
    /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#]+)(\/[^/?#]+(?:\?[^#]*)?)$/s.exec(text) ?? [];
  return hosts.split(",").every((host) => {
    const url = URL.parse(before + host + after);
    if (url === null || url.hostname === "") return false;
    return sessionAttributes.includes(url.searchParams.get("target_session_attrs"));
  });
}

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

const oidcMessage = "JWTs need both --oidc-issuer and --oidc-audience";
const introspectionMessage =
  "introspection needs --introspection-url, --introspection-client-id and --introspection-client-secret-file";

type IntrospectionFlags = Readonly<
  Record<
    "introspectionUrl" | "introspectionClientId" | "introspectionClientSecretFile",
    string | undefined
  >
>;

/** Given, unless none of them is. */
function isGivenIfAny(name: keyof IntrospectionFlags) {
  return (flags: IntrospectionFlags) =>
    flags[name] !== undefined ||
    (flags.introspectionUrl ??
      flags.introspectionClientId ??
      flags.introspectionClientSecretFile) === undefined;
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

/** What the values of `serve` must be, alone and together; their types when they are. */
export const serveSchema = v.pipe(
  v.object({
    listen: listenSchema,
    database: databaseSchema,
    adminTokenFile: v.optional(fileSchema),
    tlsCert: v.optional(fileSchema),
    tlsKey: v.optional(fileSchema),
    workers: v.optional(wholeNumberSchema(1, maxWorkers)),
    demo: switchSchema,
    corsOrigin: v.optional(v.array(originSchema)),
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
  }),
  v.forward(
    v.partialCheck(
      [["database"], ["adminTokenFile"]],
      ({ database, adminTokenFile }) =>
        database.kind !== "sqlite" || database.path !== ":memory:" || adminTokenFile !== undefined,
      "a database in memory has no place for the first token; give the path of a file",
    ),
    ["adminTokenFile"],
  ),
  v.forward(
    v.partialCheck(
      [["database"], ["workers"]],
      ({ database, workers }) => database.kind !== "sqlite" || (workers ?? 1) <= 1,
      "a SQLite database is served by one process; more need PostgreSQL",
    ),
    ["workers"],
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
      [["oidcIssuer"], ["oidcAudience"]],
      ({ oidcIssuer, oidcAudience }) => oidcIssuer === undefined || oidcAudience !== undefined,
      oidcMessage,
    ),
    ["oidcAudience"],
  ),
  v.forward(
    v.partialCheck(
      [["oidcIssuer"], ["oidcAudience"]],
      ({ oidcIssuer, oidcAudience }) => oidcAudience === undefined || oidcIssuer !== undefined,
      oidcMessage,
    ),
    ["oidcIssuer"],
  ),
  v.forward(
    v.partialCheck(
      [["introspectionUrl"], ["introspectionClientId"], ["introspectionClientSecretFile"]],
      isGivenIfAny("introspectionUrl"),
      introspectionMessage,
    ),
    ["introspectionUrl"],
  ),
  v.forward(
    v.partialCheck(
      [["introspectionUrl"], ["introspectionClientId"], ["introspectionClientSecretFile"]],
      isGivenIfAny("introspectionClientId"),
      introspectionMessage,
    ),
    ["introspectionClientId"],
  ),
  v.forward(
    v.partialCheck(
      [["introspectionUrl"], ["introspectionClientId"], ["introspectionClientSecretFile"]],
      isGivenIfAny("introspectionClientSecretFile"),
      introspectionMessage,
    ),
    ["introspectionClientSecretFile"],
  ),
  v.forward(
    v.partialCheck(
      [["introspectionClientSecretFile"]],
      ({ introspectionClientSecretFile: file }) => isReadableFile(file) && !isBlankFile(file),
      "give the path of a file that can be read and holds the secret",
    ),
    ["introspectionClientSecretFile"],
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
