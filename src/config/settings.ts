/** How a setting is given and shown in the help. */
export type Setting = {
  /** What the help shows behind the flag. Default: the flag takes no value, and is on or off. */
  readonly argument?: string;
  /** The default, as it would be typed. */
  readonly fallback?: string;
  /** Several values: the flag repeated, or the variable separated by commas. */
  readonly isList?: true;
  readonly help: string;
};

/** The setting that all commands have. */
export const databaseSetting = {
  argument: "URL",
  fallback: "sqlite:data/giraffe.db",
  help: "sqlite:PATH, sqlite::memory: (lost at the end), or postgres://USER:PASSWORD@HOST:PORT/DATABASE (several hosts: HOST1:PORT1,HOST2:PORT2)",
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
    help: "where the first token goes (default: admin.token beside the database file; none on PostgreSQL)",
  },
  tlsCert: { argument: "FILE", help: "PEM certificate chain; needs --tls-key" },
  tlsKey: { argument: "FILE", help: "PEM private key of the certificate" },
  workers: {
    argument: "N",
    help: "processes that share the port (default: one for two cores on PostgreSQL; SQLite takes only 1)",
  },
  demo: { help: "add a demo user to an empty database, and allow any CORS origin" },
  seed: {
    argument: "FILE",
    help: "begin with the users of this file, which has lines as export writes them; only with sqlite::memory:",
  },
  test: {
    help: "for tests: POST /debug/reset puts everything back to the start; only with sqlite::memory: on loopback",
  },
  corsOrigin: {
    argument: "ORIGIN",
    isList: true,
    help: "a web origin that may call, or * for any; repeatable (default: none, with --demo *)",
  },
  trustedProxy: {
    argument: "CIDR",
    isList: true,
    help: "a proxy, or a range of proxies, that names its client in Forwarded or X-Forwarded-For; repeatable (default: none)",
  },
  oidcIssuer: {
    argument: "URL",
    help: "accept JWT access tokens of this issuer, found by OpenID Connect Discovery",
  },
  oidcAudience: {
    argument: "TEXT",
    help: "an audience (aud) that these tokens must have",
  },
  oidcConsoleClientId: {
    argument: "ID",
    help: "let people sign in to the console with this issuer, as this client (a public one, with PKCE)",
  },
  oidcConsoleScope: {
    argument: "TEXT",
    help: "the scopes that the console asks for, separated by blanks (default: openid)",
  },
  introspectionUrl: {
    argument: "URL",
    help: "endpoint that is asked about opaque tokens (RFC 7662)",
  },
  introspectionClientId: { argument: "ID", help: "client id for that endpoint" },
  introspectionClientSecretFile: {
    argument: "FILE",
    help: "file with the secret of that client",
  },
  requireIfMatch: {
    help: "refuse every change of a user that names no version in If-Match",
  },
  maxMessageBytes: {
    argument: "BYTES",
    fallback: "65536",
    help: "largest message, after decompression",
  },
  defaultDeadlineMs: {
    argument: "MS",
    help: "deadline of a call that sets none (default: 10000, or --max-deadline-ms if that is less)",
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
  deprecationHeaders: {
    help: "name the successor in v2 in the answers to v1 over REST: Deprecation and Link",
  },
} as const satisfies Record<string, Setting>;

/** `--max-message-bytes` for `maxMessageBytes`. */
export function flagOf(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `GIRAFFE_MAX_MESSAGE_BYTES` for `maxMessageBytes`. */
export function variableOf(setting: string): string {
  return `GIRAFFE_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
