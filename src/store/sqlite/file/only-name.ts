import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { StoreUnavailableError } from "../../event-store.ts";

/** What the system knows of a file. */
type Sighting = {
  /** With links resolved. */
  readonly file: string;
  /** How many names (hard links) it has. */
  readonly names: number;
  readonly device: number;
  readonly folderDevice: number;
  /** Where something is mounted; `undefined`: the system does not tell. */
  readonly mountPoints: ReadonlySet<string> | undefined;
};

/**
 * Make sure that a database file has no second name. SQLite keeps the log and the locks beside the
 * name that a file was opened by, so two programs that use two names destroy the database.
 *
 * Symbolic links do not count as names, because they are resolved before.
 *
 * @param file With links resolved.
 * @throws StoreUnavailableError
 */
export function assertOnlyName(file: string): void {
  const seen = statSync(file);
  // SQLite itself refuses anything that is not a file.
  if (!seen.isFile()) return;
  const problem = secondName({
    file,
    names: seen.nlink,
    device: seen.dev,
    folderDevice: statSync(dirname(file)).dev,
    mountPoints: mountPoints(),
  });
  if (problem !== undefined) throw new StoreUnavailableError(problem);
}

/** @returns Why the file must not be used, and what to do about it; `undefined`: it may be used. */
export function secondName(seen: Sighting): string | undefined {
  const { file, names, mountPoints } = seen;
  if (names > 1) {
    return (
      `the database ${file} has ${names} names (hard links), and only one of them would have its log: ` +
      "remove the others; where another place needs the database, mount its folder there"
    );
  }
  // Devices are less reliable: they are equal within one file system, and overlay file systems mix them.
  const isMounted =
    mountPoints === undefined ? seen.device !== seen.folderDevice : mountPoints.has(file);
  if (!isMounted) return undefined;
  return (
    `the database ${file} is mounted as a single file, so its log is not where others look for it: ` +
    "mount its folder instead"
  );
}

/** Only Linux lists them. */
function mountPoints(): ReadonlySet<string> | undefined {
  try {
    return mountPointsFrom(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return undefined;
  }
}

/** The fifth field of each line; blanks in it are octal. Source: man 5 proc_pid_mountinfo */
export function mountPointsFrom(mountInfo: string): ReadonlySet<string> {
  const points = mountInfo.split("\n").map((line) => line.split(" ")[4] ?? "");
  return new Set(
    points.map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    ),
  );
}
