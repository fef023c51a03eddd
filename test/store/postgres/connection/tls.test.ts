import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { connectToPrimary } from "../../../../src/store/postgres/connection/connector.ts";
import { type PostgresServer, query, startPostgres } from "../../../support/postgres.ts";

const testFile = (name: string) =>
  fileURLToPath(new URL(`../../../support/tls/${name}`, import.meta.url));
const certificate = testFile("cert.pem");
const key = testFile("key.pem");
/** Of somebody else. */
const stranger = testFile("renewed-cert.pem");

/** The certificate is for the first address alone. */
const listen = "listen_addresses=127.0.0.1,127.0.0.2";

/** A server whose certificate signs itself. */
async function startWithTls(): Promise<PostgresServer> {
  const server = await startPostgres([listen]);
  const { uid, gid } = statSync(server.data);
  for (const [name, file] of Object.entries({ "server.crt": certificate, "server.key": key })) {
    const copy = join(server.data, name);
    copyFileSync(file, copy);
    chownSync(copy, uid, gid);
    chmodSync(copy, 0o600);
  }
  const settings = ["alter system set ssl = on", "alter system set ssl_ca_file = 'server.crt'"];
  for (const text of [...settings, "create role plain login"])
    await query(server.url("postgres"), text);
  await server.stop();
  await server.start();
  return server;
}

/** Whether a connection is encrypted, or why there is none. */
async function trial(url: string): Promise<boolean | string> {
  try {
    const connection = await connectToPrimary(url);
    const text = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    const [row] = await connection.query({ text });
    await connection.close();
    return Boolean(row?.ssl);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe("sslmode", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startWithTls();
  });
  afterAll(() => server.close());

  const url = (mode: string, rest = "", host = "127.0.0.1") =>
    `postgres://plain@${host}:${server.port}/postgres?${mode && `sslmode=${mode}`}${rest}`;

  async function admit(type: string, method: string): Promise<void> {
    const lines = [
      "host all giraffe 127.0.0.1/32 trust",
      `${type} all plain 127.0.0.1/32 ${method}`,
    ];
    writeFileSync(join(server.data, "pg_hba.conf"), `${lines.join("\n")}\n`);
    await server.stop();
    await server.start();
  }

  const [own, other] = ["127.0.0.1", "127.0.0.2"];
  const roots = { "no root": "", itself: certificate, another: stranger, system: "system" };
  type Root = keyof typeof roots;
  const unknown = /self-signed certificate/;

  test.for<[mode: string, root: Root, host: string, want: boolean | RegExp]>([
    ["disable", "no root", own, false],
    ["allow", "no root", own, false],
    ["", "no root", own, true],
    ["prefer", "no root", own, true],
    ["prefer", "another", own, false],
    ["require", "no root", own, true],
    ["require", "no root", other, true],
    ["require", "itself", other, true],
    ["require", "another", own, unknown],
    ["verify-ca", "itself", own, true],
    ["verify-ca", "itself", other, true],
    ["verify-ca", "another", own, unknown],
    ["verify-full", "itself", own, true],
    ["verify-full", "itself", other, /IP: 127\.0\.0\.2 is not/],
    ["verify-full", "another", own, unknown],
    ["verify-full", "system", own, unknown],
  ])(
    "C12: sslmode=%s, trusting %s, to %s means what it means to libpq",
    async ([mode, root, host, want]) => {
      const seen = await trial(
        url(mode, root === "no root" ? "" : `&sslrootcert=${roots[root]}`, host),
      );
      if (want instanceof RegExp) expect(seen).toMatch(want);
      else expect(seen).toBe(want);
    },
  );

  test.for<{ type: string; method: string; seen: Record<string, boolean | RegExp> }>([
    {
      type: "hostssl",
      method: "trust",
      seen: { disable: /no encryption/, allow: true, prefer: true, require: true },
    },
    {
      type: "hostnossl",
      method: "trust",
      seen: { disable: false, allow: false, prefer: false, require: /SSL encryption/ },
    },
    {
      type: "host",
      method: "reject",
      seen: { disable: /rejects/, allow: /rejects.*rejects/, prefer: /rejects.*rejects/ },
    },
  ])("C12: tries what the server wants: $type $method", async ({ type, method, seen }) => {
    await admit(type, method);
    for (const [mode, want] of Object.entries(seen)) {
      const outcome = await trial(url(mode));
      if (want instanceof RegExp) expect(outcome, mode).toMatch(want);
      else expect(outcome, mode).toBe(want);
    }
  });

  test("C12: shows the certificate of sslcert and sslkey", async () => {
    await admit("hostssl", "trust clientcert=verify-ca");
    expect(await trial(url("require"))).toMatch(/valid client certificate/);
    expect(await trial(url("require", `&sslcert=${certificate}&sslkey=${key}`))).toBe(true);
  });

  test("C12: prefer and allow work without TLS if the server has none, require does not", async () => {
    const plain = await startPostgres();
    onTestFinished(() => plain.close());
    const to = (mode: string) => trial(`${plain.url("postgres")}?sslmode=${mode}`);
    expect(await to("prefer")).toBe(false);
    expect(await to("allow")).toBe(false);
    expect(await to("require")).toMatch(/does not support SSL/);
  });
});

test("C12: a Unix socket is reached as by libpq, whatever the sslmode", async () => {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-socket-"));
  chmodSync(folder, 0o777);
  const server = await startPostgres([`unix_socket_directories=${folder}`]);
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  for (const url of [
    `postgres://giraffe@/postgres?host=${folder}&port=${server.port}`,
    `postgres:///postgres?user=giraffe&host=${folder}&port=${server.port}`,
    `postgres://giraffe@${encodeURIComponent(folder)}:${server.port}/postgres`,
    `postgres://giraffe@/postgres?host=${folder}&port=${server.port}&sslmode=require`,
  ]) {
    expect(await trial(url), url).toBe(false);
  }
});
