import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import {
  type Config,
  type Environment,
  readConfig,
  unknownVariables,
} from "../../src/config/config.ts";
import { probePaths } from "../../src/server/probes.ts";
import { root, runProgram } from "../support/child.ts";
import { stepsOf } from "./containerfile.ts";

const read = (name: string) => readFileSync(join(root, "deploy", name), "utf8");

const containerfile = stepsOf(read("Containerfile"));
const imageEnvironment = Object.fromEntries(
  containerfile.filter(({ word }) => word === "ENV").map(({ rest }) => rest.split(/=(.*)/, 2)),
);
const imageUser = Number(containerfile.find(({ word }) => word === "USER")?.rest.split(":")[0]);

/** The configuration that a server reads from an environment. Every variable of ours must be a setting. */
function configFrom(environment: Environment): Config {
  expect(unknownVariables(environment)).toEqual([]);
  const reading = readConfig({}, environment);
  if (reading.kind === "refused") throw new Error(reading.problems.join("\n"));
  return reading.value;
}

const seconds = (text: string) => Number(/^(\d+)s?$/.exec(text)?.[1]);

describe("deploy/Containerfile", () => {
  test("O5: has a configuration that is accepted, a user that is not root, and a check that is a probe", () => {
    const config = configFrom(imageEnvironment);
    expect(config.listen).toEqual({ host: "0.0.0.0", port: 8080 });
    expect(config.database).toEqual({ kind: "sqlite", path: "/data/giraffe.db" });
    expect(imageUser).toBeGreaterThan(0);
    const check = containerfile.find(({ word }) => word === "HEALTHCHECK")?.rest ?? "";
    expect(check).toContain(`http://127.0.0.1:${config.listen.port}${probePaths[1]}`);
    const bases = containerfile.filter(({ word }) => word === "FROM").map(({ rest }) => rest);
    expect(new Set(bases.map((base) => base.replace(/ AS .*/, ""))).size).toBe(1);
  });
});

describe("the example for Testcontainers in docs/embedding.md, which is not run here", () => {
  const page = readFileSync(join(root, "docs", "embedding.md"), "utf8");
  const [, example = ""] = /^```ts testcontainers\n(.*?)^```$/ms.exec(page) ?? [];

  test("has a command that the image accepts", () => {
    const words: string[] = JSON.parse(/withCommand\((\[.*?\])\)/s.exec(example)?.[1] ?? "[]");
    const [command, ...flags] = words.map((word) => word.replace(/^\/seed\/.*/, "package.json"));
    expect(command).toBe("serve");
    const given: Record<string, string> = {};
    for (let index = 0; index < flags.length; index += 2) {
      given[flags[index]?.replace(/^--/, "") ?? ""] = flags[index + 1] ?? "";
    }
    const reading = readConfig(given, imageEnvironment);
    if (reading.kind === "refused") throw new Error(reading.problems.join("\n"));
    expect(reading.value.adminTokenFile).toBe(/"cat", "([^"]+)"/.exec(example)?.[1]);
    expect(example).toContain(`withExposedPorts(${reading.value.listen.port})`);
    expect(example).toContain(`"${probePaths[1]}", ${reading.value.listen.port}`);
  });

  test("is free of what the linter finds", async () => {
    const folder = mkdtempSync(join(tmpdir(), "giraffe-example-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "example.ts"), example);
    const biome = join(root, "node_modules", ".bin", "biome");
    const { code, stdout, stderr } = await runProgram(biome, ["check", "example.ts"], {
      cwd: folder,
    });
    // The formatter's usual width and indent are those of another configuration.
    const found = (stdout + stderr).split("\n").filter((line) => /lint\/|parse/.test(line));
    expect({ found, isRead: /Checked 1 file/.test(stdout + stderr), code }).toMatchObject({
      ...{ found: [], isRead: true },
    });
  });
});

describe("deploy/compose.yaml", () => {
  const password = "0123abcd";
  const { services, volumes } = parse(
    read("compose.yaml").replaceAll(/\$\{POSTGRES_PASSWORD:\?[^}]*\}/g, password),
  );

  test("connects Giraffe to its PostgreSQL, and gives calls the time to end", () => {
    const { giraffe, postgres } = services;
    const config = configFrom({ ...imageEnvironment, ...giraffe.environment });
    if (config.database.kind !== "postgres") throw new Error("not PostgreSQL");
    const url = new URL(config.database.url);
    expect(url).toMatchObject({
      hostname: "postgres",
      username: postgres.environment.POSTGRES_USER,
      password: postgres.environment.POSTGRES_PASSWORD,
      pathname: `/${postgres.environment.POSTGRES_DB}`,
    });
    expect(giraffe.depends_on.postgres.condition).toBe("service_healthy");
    expect(postgres.healthcheck.test.join(" ")).toContain("pg_isready");
    expect(seconds(giraffe.stop_grace_period) * 1_000).toBeGreaterThan(config.drainMs);
    expect(giraffe.ports).toEqual([`127.0.0.1:${config.listen.port}:${config.listen.port}`]);
    expect(Object.keys(services)).toEqual(["giraffe", "postgres"]);
  });

  test("O5: gives Giraffe nothing to write but its volume", () => {
    expect(services.giraffe).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
    expect(services.giraffe.ulimits).toEqual({ core: 0 });
    const { adminTokenFile = "" } = configFrom(imageEnvironment);
    const [name, path] = services.giraffe.volumes[0].split(":");
    expect(Object.keys(volumes)).toContain(name);
    expect(adminTokenFile.startsWith(`${path}/`)).toBe(true);
    expect(containerfile).toContainEqual({ word: "VOLUME", rest: path });
  });
});

describe("deploy/kubernetes.yaml", () => {
  const documents = parseAllDocuments(read("kubernetes.yaml")).map((each) => {
    expect(each.errors).toEqual([]);
    return each.toJS();
  });
  const byKind = Object.fromEntries(documents.map((each) => [each.kind, each]));
  const { spec } = byKind.Deployment;
  const pod = spec.template.spec;
  const [container] = pod.containers;

  test("has a deployment, a service and a disruption budget for the same pods", () => {
    expect(Object.keys(byKind)).toEqual(["Deployment", "Service", "PodDisruptionBudget"]);
    const { labels } = spec.template.metadata;
    expect(spec.selector.matchLabels).toEqual(labels);
    expect(byKind.Service.spec.selector).toEqual(labels);
    expect(byKind.PodDisruptionBudget.spec.selector.matchLabels).toEqual(labels);
    expect(spec.replicas).toBeGreaterThan(byKind.PodDisruptionBudget.spec.minAvailable);
    expect(byKind.Service.spec.ports[0].targetPort).toBe(container.ports[0].name);
  });

  test("has a configuration that is accepted, with time to drain", () => {
    const own = container.env.map(({ name, value }: { name: string; value?: string }) => [
      name,
      value ?? "postgres://user:password@host:5432/database",
    ]);
    const config = configFrom({ ...imageEnvironment, ...Object.fromEntries(own) });
    expect(config).toMatchObject({ database: { kind: "postgres" }, workers: 1 });
    expect(container.ports[0].containerPort).toBe(config.listen.port);
    const pauseMs = Number(container.lifecycle.preStop.exec.command[1]) * 1_000;
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(pauseMs + config.drainMs);
    expect(spec.template.metadata.annotations).toMatchObject({
      "prometheus.io/port": String(config.listen.port),
      "prometheus.io/path": probePaths[2],
    });
  });

  test("probes what is there: life by healthz, readiness by ready", () => {
    const [healthz, ready] = probePaths;
    const { livenessProbe, startupProbe, readinessProbe } = container;
    expect(livenessProbe.httpGet).toEqual({ port: "http", path: healthz });
    expect(startupProbe.httpGet).toEqual({ port: "http", path: healthz });
    expect(readinessProbe.httpGet).toEqual({ port: "http", path: ready });
    // The server itself waits 2 seconds for the database.
    expect(readinessProbe.timeoutSeconds).toBeGreaterThan(2);
  });

  test("O5: gives a container no rights, and nothing to write but its volumes", () => {
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: imageUser });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    const names = pod.volumes.map(({ name }: { name: string }) => name);
    expect(container.volumeMounts.map(({ name }: { name: string }) => name)).toEqual(names);
  });
});

const analyze = "/usr/bin/systemd-analyze";
const hasAnalyze = existsSync(analyze);
if (!hasAnalyze) process.stderr.write("SKIPPED: systemd-analyze is not there\n");

describe("deploy/giraffe.service", () => {
  const text = read("giraffe.service");
  const valuesOf = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);

  test("has a configuration that is accepted, and knows the exit codes", () => {
    const environment = valuesOf("Environment").map((each) => each.split(/=(.*)/, 2));
    const config = configFrom(Object.fromEntries(environment));
    expect(config.database).toEqual({ kind: "sqlite", path: "/var/lib/giraffe/giraffe.db" });
    expect(valuesOf("StateDirectory")).toEqual(["giraffe"]);
    expect(valuesOf("Restart")).toEqual(["on-failure"]);
    expect(valuesOf("LimitCORE")).toEqual(["0"]);
    expect(Number(valuesOf("TimeoutStopSec")) * 1_000).toBeGreaterThan(config.drainMs);
    expect(valuesOf("RestartPreventExitStatus")).toEqual(["2 74"]);
    expect(valuesOf("ExecStart")[0]).toMatch(/\/@giraffe-profiles\/giraffe\/lib\/main\.js serve$/);
  });

  test.skipIf(!hasAnalyze)("O5: is correct, and safe, to systemd itself", async () => {
    const folder = mkdtempSync(join(tmpdir(), "giraffe-unit-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const unit = join(folder, "giraffe.service");
    // The program must be there, and here it is somewhere else.
    writeFileSync(unit, text.replaceAll("/usr/bin/node", process.execPath));
    const verified = await runProgram(analyze, ["verify", "--man=no", unit]);
    const about = (said: string) => said.split("\n").filter((line) => line.includes("giraffe"));
    expect({ code: verified.code, said: about(verified.stderr) }).toEqual({ code: 0, said: [] });
    // 0 is the safest and 10 the least safe; the usual unit has 9.6.
    const graded = await runProgram(analyze, [
      "security",
      "--offline=true",
      "--threshold=20",
      unit,
    ]);
    expect(graded, graded.stdout.split("\n").slice(-4).join("\n")).toMatchObject({ code: 0 });
  });
});
