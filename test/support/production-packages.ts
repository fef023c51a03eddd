/**
 * All packages that may run in production, with those that they need themselves. A new one comes with a reason: who
 * publishes it can do whatever the server can.
 */
export const productionPackages: readonly string[] = [
  ...["@bufbuild/protobuf", "@connectrpc/connect", "@opentelemetry/api", "commander", "jose"],
  ...["google-libphonenumber", "lru-cache", "swagger-ui-dist", "valibot"],
  // pg
  ...[
    "pg",
    "pg-cloudflare",
    "pg-connection-string",
    "pg-int8",
    "pg-pool",
    "pg-protocol",
    "pg-types",
  ],
  ...["pgpass", "postgres-array", "postgres-bytea", "postgres-date", "postgres-interval", "xtend"],
  // pino, and split2 for pgpass
  ...["pino", "@pinojs/redact", "atomic-sleep", "on-exit-leak-free", "pino-abstract-transport"],
  ...["pino-std-serializers", "process-warning", "quick-format-unescaped", "real-require"],
  ...["safe-stable-stringify", "sonic-boom", "split2", "thread-stream"],
  // prom-client
  ...["prom-client", "bintrees", "tdigest"],
  // cli-progress
  ...[
    "cli-progress",
    "ansi-regex",
    "emoji-regex",
    "is-fullwidth-code-point",
    "string-width",
    "strip-ansi",
  ],
];

/** Would tell others who installs swagger-ui-dist, which names it as needed. It is not in the package. */
export const leftOut = "@scarf/scarf";
