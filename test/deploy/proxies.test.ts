import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { credentials, Client as GrpcClient, Metadata } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { parse } from "yaml";
import { demo } from "../cli/serving.ts";
import { callers, closeCallers } from "../support/api/callers.ts";
import { gigi, methods } from "../support/api/setting.ts";
import { type Program, root, startProgram } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { startServer, type TestServer } from "../support/server.ts";

const tlsFile = (name: string) => join(root, "test", "support", "tls", name);
const certificate = readFileSync(tlsFile("cert.pem"), "utf8");

type Proxy = {
  readonly name: string;
  readonly program: string;
  /** In deploy/proxy/. */
  readonly file: string;
  /** How it runs in the foreground with a file of its own. */
  readonly argv: (file: string, folder: string) => readonly string[];
  /** The file with these addresses and files, which a person would put in. */
  readonly adapt?: (text: string) => string;
};

const proxies: readonly Proxy[] = [
  {
    name: "nginx",
    program: "nginx",
    file: "nginx.conf",
    argv: (file, folder) => [
      ...["-p", folder, "-c", file, "-e", "stderr"],
      ...["-g", `daemon off; pid ${folder}/nginx.pid; user root;`],
    ],
    // The folders that are built into Debian's nginx can be written only by root, and are shared.
    adapt: (text) => text.replace("http {", "http {\n  access_log off;"),
  },
  {
    name: "HAProxy",
    program: "haproxy",
    file: "haproxy.cfg",
    argv: (file) => ["-db", "-f", file],
  },
  {
    name: "Caddy",
    program: "caddy",
    file: "Caddyfile",
    argv: (file) => ["run", "--config", file, "--adapter", "caddyfile"],
    adapt: (text) => `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${text}`,
  },
];

function hasProgram(name: string): boolean {
  try {
    execFileSync("sh", ["-c", `PATH=$PATH:/usr/sbin command -v ${name}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const before = getCACertificates("default");
beforeAll(() => setDefaultCACertificates([...before, certificate]));
afterAll(() => setDefaultCACertificates(before));
afterEach(closeCallers);

for (const { name, program } of proxies) {
  if (hasProgram(program)) continue;
  process.stderr.write(
    `SKIPPED: ${program} is not there, so calls through ${name} are not tested\n`,
  );
}

describe.for(proxies)("through $name", ({ program, file, argv, adapt = (text) => text }) => {
  const isThere = hasProgram(program);
  let server: TestServer;
  let folder: string;
  let proxy: Program;
  let url: string;

  beforeAll(async () => {
    if (!isThere) return;
    server = await startServer(["--demo", "--trusted-proxy", "127.0.0.1"]);
    folder = mkdtempSync(join(tmpdir(), "giraffe-proxy-"));
    mkdirSync(join(folder, "logs"));
    for (const each of ["cert.pem", "key.pem"]) copyFileSync(tlsFile(each), join(folder, each));
    const both = certificate + readFileSync(tlsFile("key.pem"), "utf8");
    writeFileSync(join(folder, "giraffe.pem"), both);
    const port = await freePort();
    const text = readFileSync(join(root, "deploy", "proxy", file), "utf8")
      .replaceAll("127.0.0.1:8080", new URL(server.url).host)
      .replaceAll("/etc/giraffe/", `${folder}/`)
      .replace(/:443\b|(?<=listen )443\b/, (found) => found.replace("443", String(port)))
      .replaceAll("giraffe.example", "localhost");
    writeFileSync(join(folder, file), adapt(text));
    url = `https://localhost:${port}`;
    const environment = `PATH=$PATH:/usr/sbin HOME=${folder} exec ${program} "$@"`;
    proxy = startProgram("sh", ["-c", environment, program, ...argv(join(folder, file), folder)]);
    await Promise.race([
      vi.waitUntil(async () => (await isReady()) === 200, { timeout: 240_000 }),
      proxy.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
    ]);
  });
  afterAll(async () => {
    if (!isThere) return;
    closeCallers();
    proxy.kill("SIGTERM");
    await proxy.ended;
    await server.close();
    rmSync(folder, { recursive: true });
  });

  async function isReady() {
    try {
      return (await fetch(`${url}/debug/ready`)).status;
    } catch {
      return 0;
    }
  }

  test.skipIf(!isThere).for(callers)(
    "$name: an answer, a refusal, and an error",
    async (caller) => {
      const call = (nickName: string, token = server.adminToken) =>
        caller.call(
          url,
          methods.updateHumanProfile,
          { userId: demo.userId, ...gigi, nickName },
          { token },
        );
      expect(await call(caller.name)).toMatchObject({ code: 0, body: { details: {} } });
      expect(await call(caller.name)).toMatchObject({
        code: 9,
        message: "Profile not changed (COMMAND-2M0fs)",
        details: expect.arrayContaining([
          expect.objectContaining({ type: "google.rpc.ErrorInfo" }),
        ]),
      });
      expect(await call(caller.name, "wrong")).toMatchObject({ code: 16 });
      const read = await caller.call(
        url,
        methods.getHumanProfile,
        { userId: demo.userId },
        { token: server.adminToken },
      );
      expect(read).toMatchObject({ code: 0, body: { profile: { nickName: caller.name } } });
    },
  );

  test.skipIf(!isThere)("grpc-js: a call, its deadline and its trailers", async () => {
    const client = new GrpcClient(
      new URL(url).host,
      credentials.createSsl(Buffer.from(certificate)),
    );
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${server.adminToken}`);
    const error = await new Promise((resolve) => {
      client.makeUnaryRequest(
        "/zitadel.management.v1.ManagementService/UpdateHumanProfile",
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        Buffer.alloc(0),
        metadata,
        { deadline: Date.now() + 60_000 },
        resolve,
      );
    });
    client.close();
    expect(error).toMatchObject({
      code: 3,
      details: expect.stringContaining("invalid UpdateHumanProfileRequest.UserId"),
    });
  });

  test.skipIf(!isThere)("a stream of health says at once how it is", async () => {
    const client = new GrpcClient(
      new URL(url).host,
      credentials.createSsl(Buffer.from(certificate)),
    );
    const stream = client.makeServerStreamRequest(
      "/grpc.health.v1.Health/Watch",
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      Buffer.alloc(0),
    );
    stream.on("error", () => {});
    const first = await new Promise((resolve) => stream.once("data", resolve));
    expect(first).toEqual(Buffer.from([8, 1]));
    stream.cancel();
    client.close();
  });

  test.skipIf(!isThere)("the console, its CORS preflight, and a path with %2F", async () => {
    expect(await (await fetch(url)).text()).toContain("<title>Giraffe");
    const preflight = await fetch(`${url}/management/v1/users/1/profile`, {
      method: "OPTIONS",
      headers: { origin: "https://a.example", "access-control-request-method": "PUT" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
    const odd = await fetch(`${url}/management/v1/users/a%2Fb/profile`, {
      headers: { authorization: `Bearer ${server.adminToken}` },
    });
    expect(odd.status).toBe(404);
    expect(await odd.json()).toMatchObject({ code: 5 });
  });

  test.skipIf(!isThere)("clients are told apart by the address that is forwarded", async () => {
    const path = "/management/v1/users/1/profile";
    const visit = (localAddress: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { authorization: "Bearer wrong" };
        get(`${url}${path}`, { localAddress, headers, agent: false }, (answer) => {
          answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
        }).on("error", reject);
      });
    // The clock is stopped, because who fails may try again with time.
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    // More than one address may fail at once.
    const statuses: number[] = [];
    while (statuses.length < 150) {
      statuses.push(...(await Promise.all(Array.from({ length: 50 }, () => visit("127.0.0.2")))));
    }
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect(await visit("127.0.0.3")).toBe(401);
  });
});

describe("deploy/proxy/envoy.yaml, which is not run here", () => {
  const envoy = parse(readFileSync(join(root, "deploy", "proxy", "envoy.yaml"), "utf8"));
  const { listeners, clusters } = envoy.static_resources;

  test("routes all to the cluster that it has, over HTTP/2, and checks it", () => {
    const [manager] = listeners[0].filter_chains[0].filters;
    const { virtual_hosts } = manager.typed_config.route_config;
    expect(virtual_hosts[0].routes).toEqual([
      { match: { prefix: "/" }, route: { cluster: clusters[0].name, timeout: "0s" } },
    ]);
    expect(clusters[0].load_assignment.cluster_name).toBe(clusters[0].name);
    const options = clusters[0].typed_extension_protocol_options;
    expect(JSON.stringify(options)).toContain("http2_protocol_options");
    expect(clusters[0].health_checks[0].http_health_check.path).toBe("/debug/ready");
  });
});
