import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { root } from "../support/child.ts";
import { userLine } from "./users.ts";

/** A server under load, in a process of its own. */
export type BenchServer = {
  readonly port: number;
  readonly token: string;
  /** CPU time so far, all threads and the kernel's work for it included, in microseconds. */
  cpuMicros(): number;
  /** Resident memory now. */
  memoryMiB(): number;
  stop(): Promise<void>;
};

export const main = join(root, "src/main.js");

/** A folder for a database and its token; removed at the end of the process. */
export function benchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Run `giraffe` to its end. @throws Error if it fails. */
export async function giraffe(...argv: string[]): Promise<void> {
  const child = spawn(process.execPath, [main, ...argv], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`giraffe ${argv[0]} ended with ${code}`);
}

/** Create a database with an organization, a token and this many users. */
export async function fill(
  database: string,
  folder: string,
  users: number,
  line = userLine,
): Promise<void> {
  await (await serve(database, folder)).stop();
  const file = join(folder, "users.ndjson");
  await writeUsers(file, users, line);
  await giraffe("import", file, "--database", database);
  rmSync(file);
}

/** Write users as `import` reads them. */
export async function writeUsers(file: string, users: number, line = userLine): Promise<void> {
  const out = createWriteStream(file);
  for (let index = 0; index < users; index += 1) {
    if (!out.write(line(index))) await once(out, "drain");
  }
  out.end();
  await finished(out);
}

/** Serve a database and wait until it is ready. */
export async function serve(
  database: string,
  folder: string,
  ...flags: string[]
): Promise<BenchServer> {
  const tokenFile = join(folder, "admin.token");
  const argv = ["serve", "--listen", "127.0.0.1:0", "--database", database];
  const child = spawn(
    process.execPath,
    [main, ...argv, "--admin-token-file", tokenFile, "--log-level", "warn", ...flags],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [, port] = await said(child, /^ready http:\/\/[^:]+:(\d+)\n/m);
  return benchServer(child, Number(port), readFileSync(tokenFile, "utf8").trim());
}

/** Start a module that prints `ready PORT TOKEN`. */
export async function startSubject(module: string, ...argv: string[]): Promise<BenchServer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, module), ...argv], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [, port, token = ""] = await said(child, /^ready (\d+) (\S+)\n/m);
  return benchServer(child, Number(port), token);
}

async function said(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let text = "";
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk;
    const found = pattern.exec(text);
    if (found !== null) resolve(found);
  });
  child.once("exit", (code) => reject(new Error(`ended with ${code}: ${text}`)));
  return promise;
}

function benchServer(child: ChildProcess, port: number, token: string): BenchServer {
  const { pid } = child;
  return {
    port,
    token,
    cpuMicros: () => cpuMicrosOf(Number(pid)),
    memoryMiB: () => memoryMiBOf(Number(pid), "VmRSS"),
    async stop() {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    },
  };
}

/** @param which Resident now, or at most so far. */
export function memoryMiBOf(pid: number, which: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${which}:\\s+(\\d+) kB$`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  );
  return Number(found?.[1]) / 1024;
}

/** Linux counts it in hundredths of a second. */
export function cpuMicrosOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
