import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { migrations } from "../../../src/store/sql/migrations.ts";
import { root, startProgram } from "../../support/child.ts";
import { startIssuer } from "../../support/identity/issuer.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { createPlace } from "../serving.ts";

type Line = Readonly<Record<string, unknown>>;

/** Start a server, stop it as soon as it has logged what is looked for, and return its log. */
async function logOf(
  flags: readonly string[],
  {
    until = /"msg":"listening"/,
    variables = [],
    database,
  }: { until?: RegExp; variables?: readonly string[]; database?: string } = {},
): Promise<{ readonly url: string; readonly lines: Line[] }> {
  const place = createPlace(database);
  const program = startProgram(
    "env",
    [
      ...variables,
      ...[process.execPath, "src/main.js", "serve", "--listen", "127.0.0.1:0"],
      ...["--database", place.database, "--admin-token-file", join(place.folder, "token")],
      ...flags,
    ],
    { cwd: root },
  );
  onTestFinished(() => program.kill("SIGKILL"));
  const [, url = ""] = await program.until("stdout", /^ready (\S+)$/m);
  await program.until("stderr", until);
  program.kill("SIGTERM");
  const { stderr } = await program.ended;
  return {
    url,
    lines: stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  };
}

const warnings = (lines: readonly Line[]) =>
  lines.filter(({ severity }) => severity === "warn").map(({ msg }) => msg);

describe("the first line of the log", () => {
  test("tells version, engine, schema and listeners", async () => {
    const { url, lines } = await logOf([]);
    expect(lines.filter(({ msg }) => msg === "listening")).toEqual([
      expect.objectContaining({
        severity: "info",
        version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        node: process.versions.node,
        engine: `SQLite ${process.versions.sqlite}`,
        schema: migrations.length,
        listeners: [url],
        workers: 1,
        pid: expect.any(Number),
      }),
    ]);
    expect(warnings(lines)).toEqual([]);
  });

  test("is there once, however many workers there are", async () => {
    const database = await newPostgresDatabase();
    const { url, lines } = await logOf(["--workers=3"], { database });
    expect(lines.filter(({ msg }) => msg === "listening")).toEqual([
      expect.objectContaining({
        engine: expect.stringMatching(/^PostgreSQL \d+/),
        schema: migrations.length,
        listeners: [url],
        workers: 3,
      }),
    ]);
  });
});

describe("slips that are said in the log, and stop nothing", () => {
  test("variables that are no settings, by name alone", async () => {
    const { lines } = await logOf([], {
      variables: [
        ...["GIRAFFE_LOGLEVEL=s3cret", "GIRAFFE_DATABASE_URL=s3cret", "GIRAFFE_SPOTS=s3cret"],
        // These are set by Kubernetes in each pod beside a service that is named giraffe.
        ...["GIRAFFE_SERVICE_HOST=10.0.0.1", "GIRAFFE_SERVICE_PORT_HTTP=80"],
        ...["GIRAFFE_PORT=tcp://10.0.0.1:80", "GIRAFFE_PORT_80_TCP_ADDR=10.0.0.1"],
        ...["GIRAFFE_DRAIN_MS=100", "GIRAFFE_DEMO="],
      ],
    });
    const sentence = (name: string, remedy: string) =>
      `the variable ${name} is not a setting of Giraffe and does nothing: ${remedy}`;
    expect(warnings(lines).sort()).toEqual([
      sentence("GIRAFFE_DATABASE_URL", "is it GIRAFFE_DATABASE?"),
      sentence("GIRAFFE_LOGLEVEL", "is it GIRAFFE_LOG_LEVEL?"),
      sentence("GIRAFFE_SPOTS", "giraffe serve --help lists the flags"),
    ]);
    expect(JSON.stringify(lines)).not.toContain("s3cret");
  });

  test.for([
    {
      flags: ["--demo"],
      want: [
        "--demo lets any web page call, and other machines can reach --listen 0.0.0.0: leave --demo out, or listen on 127.0.0.1",
      ],
    },
    {
      flags: ["--cors-origin=*"],
      want: [
        "--cors-origin * lets any web page call, and other machines can reach --listen 0.0.0.0: name the origins that may call",
      ],
    },
    { flags: ["--cors-origin=https://a.example"], want: [] },
  ])("$flags on an address that other machines can reach", async ({ flags, want }) => {
    const { lines } = await logOf([...flags, "--listen=0.0.0.0:0"]);
    expect(warnings(lines)).toEqual(want);
  });

  test("--demo on loopback is no slip, also by name and over IPv6", async () => {
    expect(warnings((await logOf(["--demo", "--listen=localhost:0"])).lines)).toEqual([]);
  });

  test("an issuer that cannot be reached, and one that answers with something else", async () => {
    const issuer = await startIssuer();
    const oidc = (url: string) => ["--oidc-issuer", url, "--oidc-audience", "giraffe"];
    const until = /"the identity provider cannot be used/;
    issuer.discovery = { issuer: "https://other.example" };
    const wrong = await logOf(oidc(issuer.url), { until });
    expect(warnings(wrong.lines)).toEqual([expect.stringMatching(/: check --oidc-issuer/)]);
    expect(wrong.lines).toContainEqual(
      expect.objectContaining({
        issuer: issuer.url,
        reason: expect.stringContaining("https://other.example"),
      }),
    );
    issuer.discovery = {};
    expect(warnings((await logOf(oidc(issuer.url))).lines)).toEqual([]);
    await issuer.close();
    const { lines } = await logOf(oidc(issuer.url), { until });
    expect(lines).toContainEqual(
      expect.objectContaining({ reason: expect.stringMatching(/cannot be reached$/) }),
    );
  });
});
