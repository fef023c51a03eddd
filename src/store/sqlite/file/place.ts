import { statSync } from "node:fs";
import { StoreUnavailableError } from "../../event-store.ts";

/** The files of a database. Sent between threads. */
export type Place = readonly {
  readonly path: string;
  readonly device: bigint;
  readonly inode: bigint;
}[];

/** How often a server checks that its database is still there. */
const lookMs = 500;

/**
 * The database file, its log and the log's index, as they are now. None of the three is replaced while a
 * connection is open.
 */
export function placeOf(file: string): Place {
  return [file, `${file}-wal`, `${file}-shm`].flatMap((path) => {
    const seen = look(path);
    return seen === undefined ? [] : [{ path, device: seen.dev, inode: seen.ino }];
  });
}

/**
 * Check that the paths still lead to the files that are open, because writes to other files are lost. Takes
 * about 3 µs.
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

/** Inode numbers may be larger than 2^53. A number is not used again while its file is open. */
function look(path: string) {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw new StoreUnavailableError(`cannot look for ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
