import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram, startProgram } from "./child.ts";

/** The calls by which a program asks that a file is on the disk. */
const syncs = "fsync,fdatasync";

/** Processes whose syncs fail. */
export type FailingSyncs = {
  /** Resolves when all of the processes have ended: their syncs and how they ended, a line each. */
  readonly calls: Promise<string[]>;
};

/**
 * In each thread of the processes, let the sync that comes so many syncs from now fail once, with EIO. Later ones
 * succeed again, as on a real system. Needs `strace`, see `canTrace`.
 */
export async function failSync(pids: readonly number[], when: number): Promise<FailingSyncs> {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-syncs-"));
  const file = join(folder, "calls");
  const { until, ended } = startProgram("strace", [
    ...["-f", "-o", file, "-e", `trace=${syncs}`, "-e", `inject=${syncs}:error=EIO:when=${when}`],
    ...pids.flatMap((pid) => ["-p", String(pid)]),
  ]);
  const calls = ended.then(() => {
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    rmSync(folder, { recursive: true });
    return lines.filter((line) => /sync|killed/.test(line));
  });
  // The last of them: then all are traced.
  await until("stderr", new RegExp(`Process ${pids.at(-1)} attached`));
  return { calls };
}

let answer: Promise<boolean> | undefined;

/** Whether `strace` is there and may look at other processes. */
export function canTrace(): Promise<boolean> {
  answer ??= tryTracing();
  return answer;
}

async function tryTracing(): Promise<boolean> {
  const traced = startProgram("sleep", ["60"]);
  try {
    const { stderr } = await runProgram("sh", [
      ...["-c", 'strace -o /dev/null -p "$1" & sleep 1; kill $!; wait', "sh", String(traced.pid)],
    ]);
    return /attached/.test(stderr);
  } finally {
    traced.kill("SIGKILL");
    await traced.ended;
  }
}
