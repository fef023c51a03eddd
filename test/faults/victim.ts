import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Attack } from "./mutations/attack.ts";

export const certFile = join(import.meta.dirname, "../support/tls/cert.pem");
const keyFile = join(import.meta.dirname, "../support/tls/key.pem");
const program = join(import.meta.dirname, "../../src/main.js");

/** The real server in a process of its own, with a database of its own. Linux only: it is watched in /proc. */
export type Victim = {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  isAlive(): boolean;
  /** Resident memory in MiB; NaN once it has died. */
  memory(): number;
  /** Open files and sockets; NaN once it has died. */
  descriptors(): number;
  /** Seconds of CPU time so far; NaN once it has died. */
  cpuSeconds(): number;
  /** Make it collect garbage. `collecting` must be among the flags of the interpreter. */
  collect(): void;
  /** End it as an operator would, with a signal that lets it drain. */
  stop(): Promise<Death>;
};

/** How a server ended, and what its log holds. */
export type Death = {
  /** The code or the signal. */
  readonly exit: number | string;
  /** Lines on stderr that are not what the log writes, or that hold the token. */
  readonly strangeLines: readonly string[];
  /** Log lines that say the server is at fault. */
  readonly faultLines: readonly string[];
  /** Log lines of requests by protocol and code. */
  readonly requests: ReadonlyMap<string, number>;
};

/** Flags of the interpreter that let a test decide when garbage is collected. */
export const collecting: readonly string[] = [
  "--expose-gc",
  "--import",
  `data:text/javascript,process.on("SIGUSR2", () => { gc(); gc(); })`,
];

/** @param nodeFlags Of the interpreter. */
export async function startVictim(
  door: Attack["door"],
  nodeFlags: readonly string[] = [],
): Promise<Victim> {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-faults-"));
  const logFile = join(folder, "log");
  const log = openSync(logFile, "w");
  const tls = door === "tls" ? ["--tls-cert", certFile, "--tls-key", keyFile] : [];
  const database = `sqlite:${join(folder, "giraffe.db")}`;
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags,
      program,
      "serve",
      "--demo",
      "--listen",
      "127.0.0.1:0",
      "--database",
      database,
      ...tls,
    ],
    { stdio: ["ignore", "pipe", log] },
  );
  closeSync(log);
  const exited = once(child, "exit");
  // Ends with the test that started it, whatever happens to the test.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const url = await Promise.race([readyUrl(child), exited.then(() => undefined)]);
  if (url === undefined)
    throw new Error(`the server did not start: ${readFileSync(logFile, "utf8")}`);
  const token = readFileSync(join(folder, "admin.token"), "utf8").trim();
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  const ofProcess = (read: (folder: string) => number) =>
    isAlive() ? read(`/proc/${child.pid}`) : Number.NaN;

  return {
    url,
    port: Number(new URL(url).port),
    token,
    isAlive,
    memory: () =>
      ofProcess((proc) => {
        const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`${proc}/status`, "utf8"))?.[1];
        return Number(kib) / 1024;
      }),
    descriptors: () => ofProcess((proc) => readdirSync(`${proc}/fd`).length),
    cpuSeconds: () =>
      ofProcess((proc) => {
        const [, numbers = ""] = readFileSync(`${proc}/stat`, "utf8").split(") ");
        const [user, system] = numbers.split(" ").slice(11, 13).map(Number);
        return ((user ?? 0) + (system ?? 0)) / 100;
      }),
    collect: () => void child.kill("SIGUSR2"),
    async stop() {
      child.kill("SIGTERM");
      const [code, signal] = await exited;
      process.off("exit", kill);
      const lines = await judgeLog(logFile, token);
      rmSync(folder, { recursive: true, force: true });
      return { exit: code ?? signal, ...lines };
    },
  };
}

async function readyUrl(child: ChildProcess): Promise<string | undefined> {
  if (child.stdout === null) return undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^ready (\S+)$/.exec(line)?.[1];
    if (url !== undefined) {
      child.stdout.resume();
      return url;
    }
  }
  return undefined;
}

/** Levels of pino: 50 is an error. */
const errorLevel = 50;

async function judgeLog(file: string, token: string): Promise<Omit<Death, "exit">> {
  const strangeLines: string[] = [];
  const faultLines: string[] = [];
  const requests = new Map<string, number>();
  await using handle = await open(file);
  for await (const line of handle.readLines()) {
    const record = recordFromLine(line);
    if (record === undefined || line.includes(token)) strangeLines.push(line);
    else if (record.level >= errorLevel) faultLines.push(line);
    if (record?.protocol !== undefined) {
      const kind = `${record.protocol} ${record.code ?? record.status}`;
      requests.set(kind, (requests.get(kind) ?? 0) + 1);
    }
  }
  return { strangeLines, faultLines, requests };
}

type LogRecord = { level: number; protocol?: string; code?: string; status?: number };

function recordFromLine(line: string): LogRecord | undefined {
  try {
    const record = JSON.parse(line) as Partial<LogRecord> | null;
    return typeof record?.level === "number" ? { ...record, level: record.level } : undefined;
  } catch {
    return undefined;
  }
}
