import type { Log } from "./log.ts";

/** An HTTP/2 connection that the server ends. */
type ClosedConnection = {
  readonly reason: string;
  /** The client did nothing wrong. */
  readonly isPlanned: boolean;
  readonly streams: number;
  readonly ageMs: number;
};

/** So many lines at once, and then so many a second, because strangers decide how many connections are closed. */
const maxLines = 100;
const linesPerSecond = 1;

/**
 * Log why HTTP/2 connections are closed: level info, because a stranger can cause it, and debug if the client did nothing
 * wrong. When there are too many, the next line says in `omitted` how many had none.
 *
 * @param now In milliseconds. Never goes back. Default: the clock of the process.
 */
export function createCloseLog(
  log: Log,
  now: () => number = () => performance.now(),
): (closed: ClosedConnection) => void {
  let left = maxLines;
  let countedAt = now();
  let omitted = 0;
  return ({ isPlanned, ageMs, ...rest }) => {
    const line = { ...rest, ageMs: Math.round(ageMs) };
    if (isPlanned) {
      log.debug(line, "connection closed");
      return;
    }
    const time = now();
    left = Math.min(maxLines, left + ((time - countedAt) * linesPerSecond) / 1_000);
    countedAt = time;
    if (left < 1) {
      omitted += 1;
      return;
    }
    left -= 1;
    log.info(omitted === 0 ? line : { ...line, omitted }, "connection closed");
    omitted = 0;
  };
}
