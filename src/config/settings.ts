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
  help: "sqlite:PATH, sqlite::memory: to forget everything at the end, or postgres://USER:PASSWORD@HOST:PORT/DATABASE (several hosts: HOST1:PORT1,HOST2:PORT2)",
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
    help: "processes that share the port (default: 1 on SQLite, which takes no more; else one per core)",
  },
  demo: { help: "add a demo user to an empty database, and allow any CORS origin" },
  corsOrigin: {
    argument: "ORIGIN",
    isList: true,
    help: "a web origin that may call, or * for any; repeatable (default: none, with --demo *)",
  },
  trustedProxy: {
    argument: "CIDR",
    isList: true,
    help: "a proxy, or a range of them, whose Forwarded or X-Forwarded-For tells the client's address; repeatable (default: none)",
  },
  oidcIssuer: {
    argument: "URL",
    help: "accept JWT access tokens of this issuer, found by OpenID Connect Discovery",
  },
  oidcAudience: {
    argument: "TEXT",
    help: "whom these tokens must be meant for: one of their aud",
  },
  introspectionUrl: {
    argument: "URL",
    help: "ask here about opaque tokens (RFC 7662)",
  },
  introspectionClientId: { argument: "ID", help: "as whom to ask" },
  introspectionClientSecretFile: {
    argument: "FILE",
    help: "file with the secret of that client",
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

/** `--max-message-bytes` for `maxMessageBytes`. */
export function flagOf(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `GIRAFFE_MAX_MESSAGE_BYTES` for `maxMessageBytes`. */
export function variableOf(setting: string): string {
  return `GIRAFFE_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
