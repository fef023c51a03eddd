import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import * as v from "valibot";
import { postgresFiles, postgresUrlProblem } from "../store/postgres/connection/url.ts";

/** What `--database` names. */
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

/** One of `logLevels`. */
export type LogLevel = (typeof logLevels)[number];

/** Levels of the log, as pino names them; `silent` logs nothing. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

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

/** The longest time that a timer of Node.js can wait, in milliseconds. A longer one fires at once. */
export const maxTimerMs = 2_147_483_647;

/** As gRPC's own default: a message is held in memory as a whole, and decompressed in one go. */
export const maxMessageBytes = 4_194_304;

/** Far more processes than any machine can use for this. */
export const maxWorkers = 256;

/** `HOST:PORT`. Without a host it is 127.0.0.1. */
export const listenSchema = v.pipe(
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

/** A path, which is made absolute. Whether the file can be read is not checked. */
export const fileSchema = v.pipe(
  v.string(),
  v.nonEmpty("give the path of a file"),
  v.transform((path) => resolve(path)),
);

/** Whether the path names a file that can be read, and no folder. True for `undefined`. */
export function isReadableFile(path: string | undefined): boolean {
  if (path === undefined) return true;
  try {
    accessSync(path, constants.R_OK);
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Whether a file holds nothing but white space. False for `undefined`. */
export function isBlankFile(path: string | undefined): boolean {
  return path !== undefined && readFileSync(path, "utf8").trim() === "";
}

/** Whether a text lists scopes of OAuth (RFC 6749 section 3.3) with the one that makes it OpenID Connect. */
export function hasOpenid(text: string): boolean {
  return /^[ -~]*$/.test(text) && text.split(" ").includes("openid");
}

/** A URL of an identity provider. */
export const providerUrlSchema = v.pipe(
  v.string(),
  v.check(
    isProviderUrl,
    "give a URL with https, or with http on loopback, without user, query and fragment",
  ),
);

/** TLS is required, because somebody on the way could forge answers that let anyone in. Loopback has no way. */
function isProviderUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\/[^\s?#@\\]+$/.test(text)) return false;
  return url.protocol === "https:" || isLoopback(url.hostname);
}

/** @param host An IPv6 address may be in brackets. */
export function isLoopback(host: string): boolean {
  const names = ["localhost", "::1", "[::1]"];
  return names.includes(host) || (isIP(host) === 4 && host.startsWith("127."));
}

/** A flag that is on or off. Default: off. */
export const switchSchema = v.pipe(
  v.optional(v.picklist(["true", "false", "1", "0"], "give true or false"), "false"),
  v.transform((text) => text === "true" || text === "1"),
);

/** A web origin, or `*`. */
export const originSchema = v.pipe(
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

/** An IP address or a CIDR range. */
export const rangeSchema = v.pipe(
  v.string(),
  v.check(isRange, "give an IP address, or a range such as 10.0.0.0/8 or 2001:db8::/32"),
);

function isRange(text: string): boolean {
  const [, address = "", prefix = "0"] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  return isIP(address) !== 0 && Number(prefix) <= (isIP(address) === 6 ? 128 : 32);
}

/** A whole number. Both bounds are allowed values. */
export function wholeNumberSchema(min: number, max: number) {
  const message = `give a whole number from ${min} to ${max}`;
  return v.pipe(
    v.string(),
    v.regex(/^[0-9]{1,15}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
}

/** One of a list of texts. */
export function oneOfSchema<const Options extends readonly string[]>(options: Options) {
  return v.picklist(options, `give one of ${options.join(", ")}`);
}
