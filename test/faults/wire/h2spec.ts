import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startVictim } from "../victim.ts";
import { doors } from "./siege.ts";

/**
 * The program that checks servers against RFC 9113 and RFC 7541, case by case. Needs Go, with which it is
 * installed. `H2SPEC` names one that is there already.
 */
const program = "github.com/summerwind/h2spec/cmd/h2spec";

/** The last commit, which has 146 cases. Not every Go proxy has commits, so the last version, with 145, will do. */
const versions = ["af83a65f0b6273ef38bf778d400d98892e7653d8", "v2.2.1+incompatible"];

/** Of the last version. With fewer, something was left out. */
const leastCases = 145;

/** What is right although h2spec reports it, with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  "plain http2/3.5: Sends invalid connection preface":
    "one port serves HTTP/1.1, too, so it is answered 400 and closed, which h2spec reads as a frame that is cut off",
};

/**
 * Run all cases against a server without TLS and one with it.
 *
 * @param out Gets lines for people.
 * @returns The cases that failed and are no exception.
 */
export async function h2specFailures(out: (line: string) => void): Promise<string[]> {
  const file = process.env.H2SPEC ?? install();
  if (file === undefined) return ["h2spec could not be installed; it needs Go 1.25 or newer"];
  const failures: string[] = [];
  for (const door of doors) {
    const victim = await startVictim(door);
    const cases = runCases(file, victim.port, door === "tls");
    const failed = cases.filter(({ fault }) => fault !== "");
    out(`h2spec, ${door}: ${cases.length} cases, ${failed.length} failed`);
    if (cases.length < leastCases) failures.push(`h2spec, ${door}: only ${cases.length} cases`);
    for (const { name, fault } of failed) {
      const reason = exceptions[`${door} ${name}`];
      if (reason === undefined) failures.push(`h2spec, ${door}, ${name}: ${fault}`);
      else out(`  expected: ${name}: ${reason}`);
    }
    const { exit, faultLines } = await victim.stop();
    if (exit !== 0) failures.push(`h2spec, ${door}: exit ${exit}`);
    for (const line of faultLines) failures.push(`h2spec, ${door}: logged: ${line}`);
  }
  return failures;
}

const cache = fileURLToPath(new URL("../../../node_modules/.cache/h2spec/", import.meta.url));

function install(): string | undefined {
  mkdirSync(cache, { recursive: true });
  for (const version of versions) {
    try {
      const env = { ...process.env, GOBIN: cache };
      execFileSync("go", ["install", `${program}@${version}`], { env, stdio: "pipe" });
      return join(cache, "h2spec");
    } catch {
      // The next one.
    }
  }
  return undefined;
}

type Case = { readonly name: string /** Empty if it passed. */; readonly fault: string };

function runCases(file: string, port: number, isTls: boolean): Case[] {
  const report = join(cache, "report.xml");
  mkdirSync(cache, { recursive: true });
  const tls = isTls ? ["--tls", "--insecure"] : [];
  // A path that is answered with a body. A case that waits for a frame that does not come takes the whole timeout.
  const target = ["--port", String(port), "--path", "/debug/healthz", "--timeout", "2"];
  spawnSync(file, [...tls, ...target, "--junit-report", report], { stdio: "ignore" });
  const tests = readFileSync(report, "utf8").matchAll(
    /<testcase package="([^"]*)" classname="([^"]*)"[^>]*>(.*?)<\/testcase>/gs,
  );
  return [...tests].map(([, group, title, content = ""]) => ({
    name: `${group}: ${title}`,
    fault: content
      .replaceAll(/<[^>]*>/g, " ")
      .replaceAll(/\s+/g, " ")
      .trim(),
  }));
}
