import * as v from "valibot";
import {
  databaseSchema,
  fileSchema,
  hasOpenid,
  isBlankFile,
  isLoopback,
  isReadableFile,
  languages,
  listenSchema,
  logLevels,
  maxMessageBytes,
  maxTimerMs,
  maxWorkers,
  oneOfSchema,
  originSchema,
  providerUrlSchema,
  rangeSchema,
  switchSchema,
  wholeNumberSchema,
} from "./value-schemas.ts";

/** What the value of each flag of `serve` must be, whatever the other flags are. */
const flagsSchema = v.object({
  listen: listenSchema,
  database: databaseSchema,
  adminTokenFile: v.optional(fileSchema),
  tlsCert: v.optional(fileSchema),
  tlsKey: v.optional(fileSchema),
  workers: v.optional(wholeNumberSchema(1, maxWorkers)),
  demo: switchSchema,
  seed: v.optional(fileSchema),
  test: switchSchema,
  corsOrigin: v.optional(v.array(originSchema)),
  trustedProxy: v.optional(v.array(rangeSchema)),
  oidcIssuer: v.optional(providerUrlSchema),
  oidcAudience: v.optional(v.pipe(v.string(), v.nonEmpty("give an audience (aud) of the tokens"))),
  oidcConsoleClientId: v.optional(v.pipe(v.string(), v.nonEmpty("give the client's id"))),
  oidcConsoleScope: v.optional(
    v.pipe(v.string(), v.check(hasOpenid, "give scopes, separated by blanks; openid is one")),
  ),
  introspectionUrl: v.optional(providerUrlSchema),
  introspectionClientId: v.optional(v.pipe(v.string(), v.nonEmpty("give the client's id"))),
  introspectionClientSecretFile: v.optional(fileSchema),
  requireIfMatch: switchSchema,
  maxMessageBytes: wholeNumberSchema(1, maxMessageBytes),
  defaultDeadlineMs: v.optional(wholeNumberSchema(1, maxTimerMs)),
  maxDeadlineMs: wholeNumberSchema(1, maxTimerMs),
  drainMs: wholeNumberSchema(0, maxTimerMs),
  logLevel: oneOfSchema(logLevels),
  defaultLanguage: oneOfSchema(languages),
  deprecationHeaders: switchSchema,
});

type Flags = v.InferOutput<typeof flagsSchema>;
type Flag = keyof Flags;

/** A condition on several flags together, or on the file that a flag names. */
type Rule = {
  /** The flag that the error names. */
  readonly blames: Flag;
  /** The rule is checked only if each of these flags is valid by itself. `blames` is one of them. */
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
    message: "a database in memory has no folder for the first token; give the path of a file",
  },
  {
    blames: "workers",
    reads: ["workers", "database"],
    holds: ({ workers = 1, database }) => database?.kind !== "sqlite" || workers <= 1,
    message: "a SQLite database is served by one process; more need PostgreSQL",
  },
  {
    blames: "seed",
    reads: ["seed", "database"],
    holds: ({ seed, database }) => seed === undefined || isInMemory(database),
    message:
      "only a database in memory begins with a seed (sqlite::memory:); giraffe import adds users to others",
  },
  {
    blames: "seed",
    reads: ["seed"],
    holds: ({ seed }) => isReadableFile(seed),
    message: "give the path of a file that can be read",
  },
  {
    blames: "test",
    reads: ["test", "database", "listen"],
    holds: ({ test, database, listen }) =>
      test !== true || (isInMemory(database) && isLoopback(listen?.host ?? "")),
    message:
      "anybody who reaches such a server can empty it, so it takes only --database sqlite::memory: and a --listen on loopback",
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
  ...needs("oidcConsoleClientId", "oidcIssuer", "the sign-in to the console needs --oidc-issuer"),
  ...needs(
    "oidcConsoleScope",
    "oidcConsoleClientId",
    "scopes are asked for with --oidc-console-client-id",
  ),
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

function isInMemory(database: Partial<Flags>["database"]): boolean {
  return database?.kind === "sqlite" && database.path === ":memory:";
}

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

/** The first flag is given only together with the other one. */
function needs(name: Flag, other: Flag, message: string): Rule[] {
  const holds: Rule["holds"] = (flags) => flags[name] === undefined || flags[other] !== undefined;
  return [{ blames: other, reads: [other, name], holds, message }];
}

/** Checks the flags of `serve`, alone and together, and turns their texts into values. */
export const serveSchema = v.pipe(flagsSchema, ...rules.map(checkFromRule));

/** The casts are needed because Valibot's types want a literal list of the flags that a check reads. */
function checkFromRule({ blames, reads, holds, message }: Rule) {
  const paths = reads.map((flag) => [flag] as const) as [readonly [Flag]];
  const check = v.partialCheck<Flags, typeof paths, Flags, string>(paths, holds, message);
  return v.forward<Flags, v.BaseIssue<unknown>, [Flag]>(check, [blames]);
}
