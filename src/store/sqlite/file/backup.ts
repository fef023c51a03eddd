import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { StoreUnavailableError } from "../../event-store.ts";
import { assertExists, createFile } from "../database.ts";
import { clearGaps } from "./clear-gaps.ts";
import { assertOnlyName } from "./only-name.ts";

/** More pages than a database can have. */
const allPages = 0x7fff_ffff;

/** How often the progress of a copy is reported. */
const lookMs = 200;

/**
 * Copy a database, as it is at this moment, while others use it.
 *
 * All pages are copied in one step. The step has its own snapshot and blocks no writer; a copy in several
 * steps would begin again whenever another process writes.
 *
 * The copy has no traces of what was erased or deleted before. It is checked, and gets its name only when it is
 * complete and on the disk.
 *
 * @param target Must not exist. Created with mode 0600.
 * @param observe Called from time to time with the number of bytes copied and the number in all.
 * @throws StoreUnavailableError if there is no database or it has a second name, if the target exists or
 *   cannot be written, or if the copy is damaged.
 */
export async function backUp(
  source: string,
  target: string,
  observe: (copied: number, whole: number) => void,
): Promise<void> {
  if (existsSync(target)) throw new StoreUnavailableError(`${target} exists already`);
  assertExists(source);
  assertOnlyName(realpathSync(source));
  // With the process id, so that it is not the file of another backup that runs now.
  const part = createFile(`${target}.${process.pid}.part`);
  let looking: NodeJS.Timeout | undefined;
  try {
    const { bytes, schemaVersion } = measure(source);
    const db = new DatabaseSync(source, { readOnly: true });
    try {
      looking = setInterval(() => observe(statSync(part).size, bytes), lookMs);
      await backup(db, part, { rate: allPages });
    } finally {
      db.close();
    }
    clearGaps(part);
    assertSound(part, schemaVersion);
    sync(part);
    if (existsSync(target)) throw new Error("it exists by now");
    renameSync(part, target);
    sync(dirname(part));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailableError(`cannot back up to ${target}: ${reason}`, { cause: error });
  } finally {
    clearInterval(looking);
    for (const end of ["", "-journal", "-wal", "-shm"]) rmSync(`${part}${end}`, { force: true });
  }
}

/**
 * This uses a connection of its own and closes it before the copy. During the copy its connection is locked,
 * and if the garbage collector finalized a statement of that connection, the thread would wait for the lock.
 */
function measure(file: string): { readonly bytes: number; readonly schemaVersion: number } {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return {
      bytes: pragma(db, "page_count") * pragma(db, "page_size"),
      schemaVersion: pragma(db, "user_version"),
    };
  } finally {
    db.close();
  }
}

/** Also turn the copy into a single file, because a log beside it could be left behind. */
function assertSound(file: string, schemaVersion: number): void {
  const db = new DatabaseSync(file);
  try {
    db.exec("pragma journal_mode = delete");
    const found = db.prepare("pragma integrity_check").get()?.integrity_check;
    if (found !== "ok") throw new Error(`the copy is damaged: ${found}`);
    const version = pragma(db, "user_version");
    if (version !== schemaVersion) {
      throw new Error(`the copy has schema version ${version} instead of ${schemaVersion}`);
    }
  } finally {
    db.close();
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`pragma ${name}`).get()?.[name]);
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
