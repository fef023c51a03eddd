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
import { assertOnlyName } from "./only-name.ts";

/** More than a database can have. */
const allPages = 0x7fff_ffff;

/** Between two looks at how far a copy has come, in milliseconds. */
const lookMs = 200;

/**
 * Copy a database, as it is at this moment, while others use it.
 *
 * All pages are copied in one step: the step has its own snapshot and keeps nobody from writing, but
 * a copy in several would begin again whenever another process wrote.
 *
 * The copy is checked, and gets its name only when it is whole and on the disk.
 *
 * @param target Must not exist. Created with mode 0600.
 * @param observe Told now and then how many bytes there are, and how many there are to be.
 * @throws StoreUnavailableError if there is no database or it has a second name, if the target exists or
 *   cannot be written, or if the copy is not sound.
 */
export async function backUp(
  source: string,
  target: string,
  observe: (copied: number, whole: number) => void,
): Promise<void> {
  if (existsSync(target)) throw new StoreUnavailableError(`${target} exists already`);
  assertExists(source);
  assertOnlyName(realpathSync(source));
  // Not that of another backup that runs now.
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
 * A connection of its own, closed before the copy: the copy holds the lock of its connection, and a
 * statement that the garbage collector then ends would stop the thread.
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

/** Also makes the copy one file: a log beside it could be left behind. */
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
