import { constants, existsSync } from "node:fs";
import { access, type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** A line that is not imported. */
export type Reject = {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
  /** The line itself. */
  readonly text: string;
};

/** Where rejected lines go, each as a line of JSON. */
export type Rejects = {
  /** @param rejects In the order of their lines, which are behind all lines before. */
  add(rejects: readonly Reject[]): Promise<void>;
  close(): Promise<void>;
  /** `null`: there are none, or they went to stderr. */
  file(): string | null;
};

/** For an input that cannot have a file beside it. */
export function rejectsToStderr(): Rejects {
  return {
    async add(rejects) {
      process.stderr.write(textOf(rejects));
    },
    async close() {},
    file: () => null,
  };
}

/**
 * Rejects in a file, which is made with mode 0600 when there is the first.
 *
 * @param isBegun Whether the file, if there is one, tells of an earlier run that this one goes on with.
 * @throws Error if there is no writing to the folder.
 */
export async function rejectsToFile(file: string, isBegun: boolean): Promise<Rejects> {
  await access(dirname(file), constants.W_OK);
  if (!isBegun) await rm(file, { force: true });
  let isThere = isBegun && existsSync(file);
  if (isThere) await cutBrokenLine(file);
  let out: FileHandle | undefined;
  return {
    async add(rejects) {
      if (rejects.length === 0) return;
      out ??= await open(file, "a", 0o600);
      isThere = true;
      await out.appendFile(textOf(rejects));
    },
    close: async () => out?.close(),
    file: () => (isThere ? file : null),
  };
}

const textOf = (rejects: readonly Reject[]) =>
  rejects.map((reject) => `${JSON.stringify(reject)}\n`).join("");

/** Longer than a reject: a line is 64 KiB at most, and six times that in escapes. */
const tailBytes = 1_048_576;

/** A kill may have broken off the last line. */
async function cutBrokenLine(file: string): Promise<void> {
  const out = await open(file, "r+");
  try {
    const { size } = await out.stat();
    const from = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await out.read({
      buffer: Buffer.alloc(tailBytes),
      position: from,
    });
    await out.truncate(from + buffer.subarray(0, bytesRead).lastIndexOf("\n") + 1);
  } finally {
    await out.close();
  }
}
