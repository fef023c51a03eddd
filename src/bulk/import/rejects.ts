import { constants } from "node:fs";
import { access, type FileHandle, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { BulkError } from "../bulk-error.ts";
import { createHeldRejects } from "./held-rejects.ts";

/** A line that is not imported. */
export type Reject = {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
  /** The line itself. */
  readonly text: string;
};

/** The reason of a line whose text is not what it was. */
export const notUtf8 = "the line is not valid UTF-8";

/** Where rejected lines go, each as a line of JSON. */
export type Rejects = {
  /** They are held until `publish`. */
  add(rejects: readonly Reject[]): Promise<void>;
  /** Forget those that are held: all lines are tried again. */
  clear(): void;
  /** Let those of this run take the place of those of earlier runs. */
  publish(): Promise<void>;
  /** @returns The file; `null`: there are none, or they went to stderr. */
  close(): Promise<string | null>;
};

/** For an input that cannot have a file beside it. */
export function rejectsToStderr(): Rejects {
  return {
    async add(rejects) {
      process.stderr.write(textOf(rejects));
    },
    clear() {},
    async publish() {},
    close: async () => null,
  };
}

/**
 * Rejects in a file with mode 0600, which is there only if there are some. It is a new file: another import may still
 * have the old one open.
 *
 * @throws BulkError if the file cannot be written.
 */
export async function rejectsToFile(file: string): Promise<Rejects> {
  const orExplain = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new BulkError(`cannot write ${file}: ${reason}`, { cause: error });
    }
  };
  await orExplain(() => assertWritable(file));
  const held = createHeldRejects();
  let isPublished = false;
  let out: FileHandle | undefined;
  const append = async (text: string) => {
    out ??= await open(file, "a", 0o600);
    await out.appendFile(text);
  };
  return {
    async add(rejects) {
      if (rejects.length === 0) return;
      const text = textOf(rejects);
      await orExplain(async () => (isPublished ? append(text) : held.add(text)));
    },
    clear: () => held.clear(),
    async publish() {
      if (isPublished) return;
      isPublished = true;
      await orExplain(async () => {
        await rm(file, { force: true });
        for (const text of held.take()) await append(text);
      });
    },
    async close() {
      held.close();
      await out?.close();
      return out === undefined ? null : file;
    },
  };
}

/** Before anything is imported. */
async function assertWritable(file: string): Promise<void> {
  await access(dirname(file), constants.W_OK);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isFile()) throw new Error("it is not a file");
  await access(file, constants.W_OK);
}

const textOf = (rejects: readonly Reject[]) =>
  rejects.map((reject) => `${JSON.stringify(reject)}\n`).join("");

/**
 * Read a rejected line, so that rejects can be imported. No user has a field `line`, so neither is
 * taken for the other.
 *
 * @returns `undefined` for any other line.
 */
export function rejectFrom(line: string): Reject | undefined {
  if (!/^\s*\{\s*"line"\s*:/.test(line)) return undefined;
  const { line: number, reason, text, ...others }: Record<string, unknown> = JSON.parse(line);
  const isReject =
    typeof number === "number" &&
    typeof reason === "string" &&
    typeof text === "string" &&
    Object.keys(others).length === 0;
  return isReject ? { line: number, reason, text } : undefined;
}

/**
 * @throws Error with the reject's own reason, if its text is not the line as it was: nothing of a line
 *   that was too long, or U+FFFD where it was not valid UTF-8.
 */
export function assertWhole({ reason, text }: Reject): void {
  const isMarred = reason === notUtf8 && text.includes("\ufffd");
  if (text === "" || isMarred) throw new Error(reason);
}
