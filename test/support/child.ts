import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A program, while it runs. */
export type Program = {
  /** Of the program itself. */
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** @throws Error if the program ends without having said so. */
  until(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray>;
  /** Does nothing if it has ended. */
  kill(signal: NodeJS.Signals): void;
};

/** How a program ended, and all its output. */
export type Ended = {
  /** `null` if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Longer than nearly anything takes on a busy machine, and shorter than a test may take. */
const usuallyHangsMs = 240_000;

type ProgramOptions = {
  readonly cwd?: string;
  /** A program that runs longer hangs, and is killed. In milliseconds. Default: 240000 (4 minutes). */
  readonly hangsMs?: number;
  /** Signals go to all that the program starts, too, as a terminal sends them. Default: false. */
  readonly isGroup?: boolean;
};

/** Start a program without input. */
export function startProgram(
  command: string,
  args: readonly string[],
  { hangsMs = usuallyHangsMs, isGroup = false, ...options }: ProgramOptions = {},
): Program {
  const child = spawn(command, args, {
    ...options,
    detached: isGroup,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  const news = new EventEmitter();
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
      news.emit("news");
    });
  }
  let hasEnded = false;
  const kill = (signal: NodeJS.Signals) => {
    if (!isGroup) child.kill(signal);
    else if (!hasEnded && child.pid !== undefined) process.kill(-child.pid, signal);
  };
  const timer = setTimeout(() => kill("SIGKILL"), hangsMs);
  const ended = once(child, "close").then(([code]): Ended => {
    hasEnded = true;
    clearTimeout(timer);
    return { code, ...said };
  });
  return {
    pid: child.pid ?? Number.NaN,
    ended,
    async until(stream, pattern) {
      for (;;) {
        const found = pattern.exec(said[stream]);
        if (found !== null) return found;
        if (hasEnded) throw new Error(`ended without ${pattern}: ${said.stdout}${said.stderr}`);
        await Promise.race([once(news, "news"), ended]);
      }
    },
    kill,
  };
}

/** Run a program to its end, without input. */
export function runProgram(...program: Parameters<typeof startProgram>): Promise<Ended> {
  return startProgram(...program).ended;
}

const main = fileURLToPath(new URL("../../src/main.js", import.meta.url));

/** Run `giraffe` to its end. */
export function runGiraffe(...argv: string[]): Promise<Ended> {
  return runProgram(process.execPath, [main, ...argv]);
}

/**
 * Start `giraffe`.
 *
 * @param options.preload The URL of a module to load before it.
 * @param options.nodeFlags Flags of the interpreter.
 */
export function startGiraffe(
  argv: readonly string[],
  {
    preload,
    nodeFlags = [],
    ...options
  }: ProgramOptions & { readonly preload?: string; readonly nodeFlags?: readonly string[] } = {},
): Program {
  const before = preload === undefined ? [] : ["--import", preload];
  return startProgram(process.execPath, [...nodeFlags, ...before, main, ...argv], options);
}
