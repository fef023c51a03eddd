import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Config, type Environment, usualWorkers } from "../../src/config/config.ts";
import { problemsOf, read } from "../cli/command-lines.ts";

// Long because every flag has its rows in the tables: values that are accepted, and values that are refused.

/** The configuration of `serve` with these flags. */
function serve(argv: readonly string[], environment?: Environment): Config {
  const { name, options } = read(["serve", ...argv], environment);
  expect(name).toBe("serve");
  return options as Config;
}

const testFile = (name: string) =>
  fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url));
const certificate = testFile("cert.pem");
const key = testFile("key.pem");

let folder = "";
let pem = "";
let secretFile = "";
let blank = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "giraffe-config-"));
  pem = join(folder, "tls.pem");
  writeFileSync(pem, "");
  blank = join(folder, "blank");
  writeFileSync(blank, " \n");
  secretFile = join(folder, "secret");
  writeFileSync(secretFile, "s3cret\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("serve", () => {
  test("has defaults for everything", () => {
    expect(serve([])).toEqual({
      listen: { host: "127.0.0.1", port: 8080 },
      database: { kind: "sqlite", path: resolve("data/giraffe.db") },
      adminTokenFile: resolve("data/admin.token"),
      tls: undefined,
      workers: 1,
      demo: false,
      seedFile: undefined,
      test: false,
      oidc: undefined,
      consoleSignIn: undefined,
      introspection: undefined,
      corsOrigins: [],
      trustedProxies: [],
      requireIfMatch: false,
      maxMessageBytes: 65_536,
      defaultDeadlineMs: 10_000,
      maxDeadlineMs: 60_000,
      drainMs: 10_000,
      logLevel: "info",
      defaultLanguage: "en",
      deprecationHeaders: false,
    } satisfies Config);
  });

  test("gives a frozen configuration", () => {
    const config = serve([
      "--cors-origin",
      "https://a.example",
      "--tls-cert",
      pem,
      "--tls-key",
      pem,
    ]);
    const parts = [config, config.listen, config.database, config.tls, config.corsOrigins];
    expect(parts.every(Object.isFrozen)).toBe(true);
  });

  test.for<{ argv: string[]; want: Partial<Config> }>([
    { argv: ["--listen", "0.0.0.0:80"], want: { listen: { host: "0.0.0.0", port: 80 } } },
    { argv: ["--listen", "localhost:0"], want: { listen: { host: "localhost", port: 0 } } },
    { argv: ["--listen", ":0"], want: { listen: { host: "127.0.0.1", port: 0 } } },
    { argv: ["--listen", "[::1]:65535"], want: { listen: { host: "::1", port: 65_535 } } },
    { argv: ["--listen=a.example:1"], want: { listen: { host: "a.example", port: 1 } } },
    {
      argv: ["--database", "sqlite:/var/lib/giraffe/g.db"],
      want: {
        database: { kind: "sqlite", path: resolve("/var/lib/giraffe/g.db") },
        adminTokenFile: resolve("/var/lib/giraffe/admin.token"),
      },
    },
    {
      argv: ["--database", "sqlite:file:g.db?mode=memory"],
      want: { database: { kind: "sqlite", path: resolve("file:g.db?mode=memory") } },
    },
    {
      argv: ["--database", "sqlite::memory:", "--admin-token-file", "/run/t"],
      want: { database: { kind: "sqlite", path: ":memory:" }, adminTokenFile: resolve("/run/t") },
    },
    { argv: ["--admin-token-file", "t"], want: { adminTokenFile: resolve("t") } },
    ...[
      "postgres://db/giraffe",
      "postgresql://user:p%40ss@db-1:5432,[::1]:5433/giraffe?target_session_attrs=read-write",
      "postgres:///giraffe?host=/run/postgresql",
      "postgres://user@/giraffe?host=/run/postgresql&port=5433&sslmode=verify-full&sslrootcert=system",
      "postgres:///giraffe?host=db-1,db-2&port=5432,5433",
      "postgres://%2Frun%2Fpostgresql:5433/giraffe",
      ...["disable", "allow", "prefer", "require"].map(
        (mode) => `postgres://db/giraffe?sslmode=${mode}`,
      ),
      ...["verify-ca", "verify-full"].map(
        (mode) => `postgres://db/giraffe?sslmode=${mode}&sslrootcert=${certificate}`,
      ),
      `postgres://db/giraffe?sslcert=${certificate}&sslkey=${key}`,
      "postgres://db/giraffe?ssl=true&options=-csearch_path%3Dx",
    ].map((url) => ({
      argv: ["--database", url],
      want: {
        database: { kind: "postgres" as const, url },
        workers: usualWorkers(availableParallelism()),
      },
    })),
    { argv: ["--demo"], want: { demo: true, corsOrigins: "*" } },
    { argv: ["--deprecation-headers"], want: { deprecationHeaders: true } },
    {
      argv: ["--demo", "--cors-origin", "https://a.example"],
      want: { demo: true, corsOrigins: ["https://a.example"] },
    },
    {
      argv: ["--cors-origin", "https://a.example", "--cors-origin", "http://localhost:3000"],
      want: { corsOrigins: ["https://a.example", "http://localhost:3000"] },
    },
    {
      argv: ["--cors-origin", "capacitor://localhost"],
      want: { corsOrigins: ["capacitor://localhost"] },
    },
    { argv: ["--cors-origin", "http://[::1]:81"], want: { corsOrigins: ["http://[::1]:81"] } },
    { argv: ["--cors-origin", "*"], want: { corsOrigins: "*" } },
    {
      argv: [
        "--trusted-proxy",
        "10.0.0.0/8",
        "--trusted-proxy",
        "::1",
        "--trusted-proxy",
        "fd00::/8",
      ],
      want: { trustedProxies: ["10.0.0.0/8", "::1", "fd00::/8"] },
    },
    {
      argv: ["--cors-origin", "https://a.example", "--cors-origin", "*"],
      want: { corsOrigins: "*" },
    },
    { argv: ["--max-message-bytes", "1"], want: { maxMessageBytes: 1 } },
    { argv: ["--max-deadline-ms", "500"], want: { maxDeadlineMs: 500, defaultDeadlineMs: 500 } },
    {
      argv: ["--default-deadline-ms", "60000"],
      want: { maxDeadlineMs: 60_000, defaultDeadlineMs: 60_000 },
    },
    { argv: ["--drain-ms", "0"], want: { drainMs: 0 } },
    { argv: ["--log-level", "silent"], want: { logLevel: "silent" } },
    { argv: ["--default-language", "de"], want: { defaultLanguage: "de" } },
  ])("understands $argv", ({ argv, want }) => {
    expect(serve(argv)).toMatchObject(want);
  });

  test.for([
    [1, 1],
    [2, 1],
    [3, 1],
    [8, 4],
  ])("starts on %i cores %i workers for PostgreSQL", ([cores = 0, workers]) => {
    expect(usualWorkers(cores)).toBe(workers);
  });

  test("takes both TLS files", () => {
    expect(serve(["--tls-cert", pem, "--tls-key", pem]).tls).toEqual({
      certFile: pem,
      keyFile: pem,
    });
  });

  test.for([
    "https://id.example",
    "https://id.example/realms/zoo/",
    "http://localhost:8081",
    "http://127.0.0.2:8081/oidc",
    "http://[::1]:8081",
  ])("takes %s for an identity provider, as it is written", (url) => {
    const { oidc, introspection } = serve([
      ...["--oidc-issuer", url, "--oidc-audience", "giraffe"],
      ...["--introspection-url", url, "--introspection-client-id", "g"],
      ...["--introspection-client-secret-file", secretFile],
    ]);
    expect(oidc).toEqual({ issuer: url, audience: "giraffe" });
    expect(introspection).toEqual({ url, clientId: "g", clientSecretFile: secretFile });
    expect([oidc, introspection].every(Object.isFrozen)).toBe(true);
  });

  test.for([
    "http://id.example",
    "http://10.0.0.1",
    "http://localhost.example",
    "http://127.example",
    "http://127.0.0.1.example",
    "http://[::2]",
    "ftp://localhost",
    "file:///etc/passwd",
    "https://id.example?x",
    "https://id.example#x",
    "https://",
    "id.example",
    " https://id.example",
    "",
  ])("I7: refuses %j for an identity provider", (url) => {
    const problems = problemsOf([
      ...["serve", `--oidc-issuer=${url}`, "--oidc-audience", "giraffe"],
      ...[`--introspection-url=${url}`, "--introspection-client-id", "g"],
      ...["--introspection-client-secret-file", secretFile],
    ]);
    const want =
      "give a URL with https, or with http on loopback, without user, query and fragment";
    expect(problems).toEqual([
      `--oidc-issuer ${JSON.stringify(url)}: ${want}`,
      `--introspection-url ${JSON.stringify(url)}: ${want}`,
    ]);
  });

  test("shows no password in the address of an identity provider", () => {
    const url = "https://user:hunter2@id.example";
    const problems = problemsOf(["serve", "--oidc-issuer", url, "--oidc-audience", "g"]);
    expect(problems).toEqual([expect.stringContaining('--oidc-issuer "https://…@id.example": ')]);
  });

  const introspection = [
    { flag: "--introspection-url", value: () => "https://id.example" },
    { flag: "--introspection-client-id", value: () => "g" },
    { flag: "--introspection-client-secret-file", value: () => secretFile },
  ];
  test.for(introspection)("needs all that introspection needs with $flag", ({ flag, value }) => {
    const others = introspection.filter((other) => other.flag !== flag);
    expect(problemsOf(["serve", flag, value()])).toEqual(
      others.map(
        (other) =>
          `${other.flag} is missing: introspection needs --introspection-url, --introspection-client-id and --introspection-client-secret-file`,
      ),
    );
  });

  test.for([
    { flag: "--oidc-issuer", value: "https://id.example", other: "--oidc-audience" },
    { flag: "--oidc-audience", value: "giraffe", other: "--oidc-issuer" },
  ])("needs $other with $flag", ({ flag, value, other }) => {
    expect(problemsOf(["serve", flag, value])).toEqual([
      `${other} is missing: JWTs need both --oidc-issuer and --oidc-audience`,
    ]);
  });

  test("lets people sign in to the console with the issuer, when it is told as which client", () => {
    const provider = ["--oidc-issuer", "https://id.example", "--oidc-audience", "giraffe"];
    const client = ["--oidc-console-client-id", "console"];
    expect(serve(provider).consoleSignIn).toBeUndefined();
    const signIn = { issuer: "https://id.example", clientId: "console" };
    expect(serve([...provider, ...client]).consoleSignIn).toEqual({ ...signIn, scope: "openid" });
    const scope = "openid urn:zitadel:iam:org:project:id:1:aud";
    expect(serve([...provider, ...client, "--oidc-console-scope", scope]).consoleSignIn).toEqual({
      ...signIn,
      scope,
    });
    expect(problemsOf(["serve", ...client])).toEqual([
      "--oidc-issuer is missing: the sign-in to the console needs --oidc-issuer",
    ]);
    expect(problemsOf(["serve", "--oidc-console-scope", "openid"])).toEqual([
      "--oidc-console-client-id is missing: scopes are asked for with --oidc-console-client-id",
    ]);
    for (const wrong of ["", "profile", "openid\n", "öpenid openid"])
      expect(
        problemsOf(["serve", ...provider, ...client, `--oidc-console-scope=${wrong}`]),
      ).toEqual([
        `--oidc-console-scope ${JSON.stringify(wrong)}: give scopes, separated by blanks; openid is one`,
      ]);
    expect(problemsOf(["serve", ...provider, "--oidc-console-client-id="])).toEqual([
      `--oidc-console-client-id "": give the client's id`,
    ]);
  });

  test.for([
    { name: "that is not there", file: () => join(folder, "none") },
    { name: "that is empty", file: () => pem },
    { name: "that is blank", file: () => blank },
    { name: "that is a folder", file: () => folder },
  ])("refuses a file with a secret $name", ({ file }) => {
    const flags = ["--introspection-url", "https://id.example", "--introspection-client-id", "g"];
    const argv = ["serve", ...flags, "--introspection-client-secret-file", file()];
    expect(problemsOf(argv)).toEqual([
      expect.stringMatching(
        /^--introspection-client-secret-file .* can be read and holds the secret$/,
      ),
    ]);
  });

  test.for<{ environment: Environment; want: Partial<Config> }>([
    { environment: { GIRAFFE_LISTEN: "[::]:1" }, want: { listen: { host: "::", port: 1 } } },
    { environment: { GIRAFFE_MAX_MESSAGE_BYTES: "9" }, want: { maxMessageBytes: 9 } },
    { environment: { GIRAFFE_DEMO: "true" }, want: { demo: true, corsOrigins: "*" } },
    { environment: { GIRAFFE_DEMO: "0" }, want: { demo: false } },
    { environment: { GIRAFFE_DEPRECATION_HEADERS: "1" }, want: { deprecationHeaders: true } },
    {
      environment: { GIRAFFE_CORS_ORIGIN: "https://a.example, https://b.example" },
      want: { corsOrigins: ["https://a.example", "https://b.example"] },
    },
    {
      environment: { GIRAFFE_TRUSTED_PROXY: "10.0.0.1, fd00::/8" },
      want: { trustedProxies: ["10.0.0.1", "fd00::/8"] },
    },
    { environment: { GIRAFFE_LOG_LEVEL: "", GIRAFFE_TLS_CERT: "" }, want: { logLevel: "info" } },
    {
      environment: { LISTEN: "x", giraffe_listen: "x" },
      want: { listen: { host: "127.0.0.1", port: 8080 } },
    },
  ])("reads $environment", ({ environment, want }) => {
    expect(serve([], environment)).toMatchObject(want);
  });

  test("lets flags beat the environment", () => {
    const environment = { GIRAFFE_DRAIN_MS: "nonsense", GIRAFFE_CORS_ORIGIN: "nonsense" };
    const argv = ["--drain-ms", "5", "--cors-origin", "https://a.example"];
    expect(serve(argv, environment)).toMatchObject({
      drainMs: 5,
      corsOrigins: ["https://a.example"],
    });
  });

  const deadline = "give a whole number from 1 to 2147483647";
  test.for([
    ...[
      "8080",
      "a:b:1",
      "::1:80",
      "[::1]",
      "[1.2.3.4]:1",
      "[]:1",
      "h:65536",
      "h:-1",
      "h:",
      "a b:1",
    ].map((value) => ({ flag: "--listen", value, want: "give HOST:PORT" })),
    ...["", "sqlite:", "sqlite://a.db", "data/giraffe.db"].map((value) => ({
      flag: "--database",
      value,
      want: "give sqlite:PATH, sqlite::memory: or postgres://",
    })),
    ...[
      "",
      "https://a.example/",
      "https://a.example/x",
      "https://A.example",
      "https://a.example:443",
      "https://*.example",
      "https://u@a.example",
      "a.example",
      "null",
      "file://",
      "https://a.example,https://b.example",
    ].map((value) => ({ flag: "--cors-origin", value, want: "give * or an origin" })),
    ...[
      "",
      "proxy.example",
      "10.0.0.0/33",
      "10.0.0/8",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "fe80::1%eth0",
      "010.0.0.1",
      "10.0.0.1,10.0.0.2",
    ].map((value) => ({ flag: "--trusted-proxy", value, want: "give an IP address, or a range" })),
    ...["0", "-1", "1e3", "0x10", "1.5", " 1", "", "4194305"].map((value) => ({
      flag: "--max-message-bytes",
      value,
      want: "give a whole number from 1 to 4194304",
    })),
    { flag: "--default-deadline-ms", value: "0", want: deadline },
    {
      flag: "--default-deadline-ms",
      value: "60001",
      want: "at most the value of --max-deadline-ms",
    },
    { flag: "--max-deadline-ms", value: "2147483648", want: deadline },
    { flag: "--drain-ms", value: "soon", want: "give a whole number from 0 to 2147483647" },
    { flag: "--workers", value: "0", want: "give a whole number from 1 to 256" },
    { flag: "--workers", value: "2", want: "a SQLite database is served by one process" },
    { flag: "--seed", value: "", want: "give the path of a file" },
    { flag: "--log-level", value: "INFO", want: "give one of trace, debug, info, warn, error" },
    { flag: "--default-language", value: "tlh", want: "give one of bg, cs, de, en" },
    { flag: "--admin-token-file", value: "", want: "give the path of a file" },
  ])("refuses $flag $value", ({ flag, value, want }) => {
    const problems = problemsOf(["serve", `${flag}=${value}`]);
    expect(problems).toEqual([expect.stringContaining(`${flag} ${JSON.stringify(value)}: `)]);
    expect(problems.join()).toContain(want);
  });

  test("needs a token file for a database in memory", () => {
    expect(problemsOf(["serve", "--demo", "--database", "sqlite::memory:"])).toEqual([
      expect.stringContaining("--admin-token-file is missing: "),
    ]);
  });

  test.for([
    { flag: "--tls-cert", other: "--tls-key" },
    { flag: "--tls-key", other: "--tls-cert" },
  ])("needs $other with $flag", ({ flag, other }) => {
    expect(problemsOf(["serve", flag, pem])).toEqual([
      `${other} is missing: TLS needs both --tls-cert and --tls-key`,
    ]);
  });

  test("refuses TLS files that cannot be read, folders included", () => {
    const problems = problemsOf(["serve", "--tls-cert", folder, "--tls-key", join(folder, "none")]);
    expect(problems).toEqual([
      expect.stringMatching(/^--tls-cert .* PEM file that can be read$/),
      expect.stringMatching(/^--tls-key .* PEM file that can be read$/),
    ]);
  });

  test("names the variable that a wrong value came from", () => {
    expect(problemsOf(["serve"], { GIRAFFE_DRAIN_MS: "soon", GIRAFFE_DEMO: "yes" })).toEqual([
      '--demo (from GIRAFFE_DEMO) "yes": give true or false',
      '--drain-ms (from GIRAFFE_DRAIN_MS) "soon": give a whole number from 0 to 2147483647',
    ]);
  });

  test("reports everything at once", () => {
    const argv =
      "extra --lisen x --demo=1 --listen 1 --tls-cert /none --cors-origin x --cors-origin y " +
      "--oidc-issuer http://id.example --introspection-url http://id.example";
    const problems = problemsOf(["serve", ...argv.split(" "), "--database"], {
      GIRAFFE_MAX_DEADLINE_MS: "-",
    });
    expect(problems.map((problem) => problem.split(" ")[0]).sort()).toEqual([
      '"extra"',
      "--cors-origin",
      "--cors-origin",
      "--database",
      "--demo",
      "--introspection-url",
      "--lisen",
      "--listen",
      "--max-deadline-ms",
      "--oidc-issuer",
      "--tls-cert",
      "--tls-key",
    ]);
  });

  test.for([
    { url: "postgres://user:hunter2@db", want: "postgres:…" },
    { url: "postgres://user:hunter2@/giraffe", want: "postgres:…" },
    { url: "postgres://user:hunter2@a,,b/giraffe", want: "postgres:…" },
    { url: "postgres://user:hunter2@a:70000/giraffe", want: "postgres:…" },
    { url: "mysql://user:hunter2@db/giraffe", want: "mysql:…" },
    { url: "postgre:user:hunter2@db", want: "postgre:…" },
    { url: "password=hunter2 host=db", want: "password=…" },
  ])("shows no password of $url", ({ url, want }) => {
    const problems = problemsOf(["serve", "--database", url]);
    expect(problems).toEqual([expect.stringContaining(`--database "${want}": give sqlite:PATH`)]);
    expect(problems.join()).not.toContain("hunter2");
  });

  test.for([
    {
      query: "sslmode=no-verify",
      want: "sslmode is disable, allow, prefer, require, verify-ca or",
    },
    { query: "sslmode=", want: "sslmode is disable, allow" },
    { query: "sslmode=require&sslmode=Verify-Full", want: "sslmode is disable, allow" },
    { query: "sslmode=verify-ca", want: "sslmode=verify-ca needs sslrootcert" },
    { query: "sslmode=verify-full", want: "sslmode=verify-full needs sslrootcert" },
    { query: "sslmode=require&sslrootcert=system", want: "needs sslmode=verify-full" },
    { query: "sslrootcert=none.pem", want: "the file none.pem cannot be read" },
    { query: "sslcert=none.pem&sslkey=none.key", want: "the file none.pem cannot be read" },
    { query: "sslcert=none.pem", want: "give both sslcert and sslkey" },
    { query: "ssl=maybe", want: "ssl is true, false, 1 or 0" },
    { query: "channel_binding=require", want: "channel_binding is disable or prefer" },
    { query: "gssencmode=require", want: "gssencmode is disable or prefer" },
    { query: "sslcrl=x", want: "leave out sslcrl" },
    { query: "require_auth=scram-sha-256", want: "leave out require_auth" },
    { query: "target_session_attrs=any", want: "target_session_attrs is read-write or primary" },
    { query: "host=a,b&port=1,2,3", want: "give one port for all hosts, or one for each" },
    { query: "host=", want: "give sqlite:PATH" },
    { query: "sslmode=%zz", want: "every % is followed by two" },
  ])("C12: refuses postgres://…?$query", ({ query, want }) => {
    const url = `postgres://user:hunter2@db/giraffe?${query}`;
    const problems = problemsOf(["serve", "--database", url]);
    expect(problems).toEqual([expect.stringContaining(want)]);
    expect(problems[0]).toContain('--database "postgres:…": ');
    expect(problems.join()).not.toContain("hunter2");
  });

  test("writes values so that they cannot write to a terminal", () => {
    expect(problemsOf(["serve", "--log-level", "\u001b[2J"]).join()).toContain('"\\u001b[2J"');
  });

  test("refuses with ConfigError whatever is typed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom("--listen", "--demo", "--", "-", "--x="))),
        (argv) => {
          expect(problemsOf(["serve", "--drain-ms", "x", "--drain-ms", ...argv])).toBeDefined();
        },
      ),
    );
  });
});
