import { statSync } from "node:fs";
import { StoreUnavailableError } from "../../event-store.ts";

/** Which files a database consists of; crosses threads. */
export type Place = readonly {
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
}[];

/** How often a server looks whether its database is still there. */
const lookMs = 500;

/**
 * The database file, its log and the log's index, as they are now. The three stay what they are while
 * a connection is open.
 */
export function placeOf(file: string): Place {
  return [file, `${file}-wal`, `${file}-shm`].flatMap((path) => {
    const seen = look(path);
    return seen === undefined ? [] : [{ path, device: seen.dev, inode: seen.ino }];
  });
}

/**
 * Look whether a path still leads to the files that are open. What is written to others is lost.
 * Takes some 3 µs.
 *
 * @throws StoreUnavailableError if somebody has deleted, moved or replaced one of them, or if the system
 *   does not let us look.
 */
export function assertInPlace(place: Place): void {
  for (const { path, device, inode } of place) {
    const seen = look(path);
    if (seen?.dev === device && seen.ino === inode) continue;
    const change = seen === undefined ? "was deleted or moved" : "was replaced";
    throw new StoreUnavailableError(`${path} ${change} while the database was open`);
  }
}

/** Look twice a second until the files are gone. Does not keep the process from ending. */
export function watchPlace(place: Place): { readonly gone: Promise<Error>; close(): void } {
  const { promise: gone, resolve } = Promise.withResolvers<Error>();
  const timer = setInterval(() => {
    try {
      assertInPlace(place);
    } catch (error) {
      clearInterval(timer);
      resolve(error as Error);
    }
  }, lookMs).unref();
  return { gone, close: () => clearInterval(timer) };
}

/** Numbers of files may be beyond 2^53. A number is not given again while the file is open. */
function look(path: string) {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw new StoreUnavailableError(`cannot look for ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
