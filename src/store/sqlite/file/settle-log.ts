import { existsSync, realpathSync, statSync } from "node:fs";
import { cannotOpen, connect, maxBusyMs } from "../database.ts";
import { assertOnlyName } from "./only-name.ts";

/**
 * Move what a process that did not end well has left in the log into the database file, and cut the log. If nothing
 * was left, it does nothing.
 *
 * That process may have ended because the disk could not keep a part of the log. The system still shows this part, and
 * does not write it again by itself. If changes were added behind it, a loss of power would lose them, too, because
 * the log is read only up to the first gap. What is copied into the file is written and synced anew.
 *
 * While somebody reads the database, the log cannot be cut; after five seconds it stays as it is.
 *
 * @throws StoreUnavailableError if the disk fails again, or the file has a second name.
 */
export function settleLog(path: string): void {
  if (!existsSync(path)) return;
  const file = realpathSync(path);
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log === undefined || log.size === 0) return;
  try {
    assertOnlyName(file);
    const db = connect(file, maxBusyMs);
    try {
      db.exec("pragma wal_checkpoint(truncate)");
    } finally {
      db.close();
    }
  } catch (error) {
    throw cannotOpen(path, error);
  }
}
