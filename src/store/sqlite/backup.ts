import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { StoreUnavailableError } from "../event-store.ts";
import { createFile } from "./database.ts";

/** More than a database can have. */
const allPages = 0x7fff_ffff;

/**
 * Copy a database, as it is at this moment, while others use it.
 *
 * All pages are copied in one step: the step has its own snapshot and keeps nobody from writing, but
 * a copy in several would begin again whenever another process wrote.
 *
 * The copy is checked, and gets its name only when it is whole and on the disk.
 *
 * @param target Must not exist. Created with mode 0600.
 * @throws StoreUnavailableError if the target exists or cannot be written, or if the copy is not sound.
 */
export async function backUp(source: string, target: string): Promise<void> {
  if (existsSync(target)) throw new StoreUnavailableError(`${target} exists already`);
  const part = createFile(`${target}.part`);
  try {
    const db = new DatabaseSync(source, { readOnly: true });
    try {
      await backup(db, part, { rate: allPages });
    } finally {
      db.close();
    }
    assertSound(part);
    sync(part);
    renameSync(part, target);
    sync(dirname(part));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailableError(`cannot back up to ${target}: ${reason}`, { cause: error });
  } finally {
    for (const end of ["", "-wal", "-shm"]) rmSync(`${part}${end}`, { force: true });
  }
}

/** Also makes the copy one file: a log beside it could be left behind. */
function assertSound(file: string): void {
  const db = new DatabaseSync(file);
  try {
    db.exec("pragma journal_mode = delete");
    const found = db.prepare("pragma integrity_check").get()?.integrity_check;
    if (found !== "ok") throw new Error(`the copy is damaged: ${found}`);
  } finally {
    db.close();
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
