import { type Logger, pino, stdTimeFunctions } from "pino";

/** One JSON object per line on stderr. Never a body, a token, a name or an e-mail address. */
export type Log = Logger;

/** Lines wait this long for others, to be written together: a write for each costs more than the line. */
const gatherMs = 10;

/** A pipe takes so much in one piece (PIPE_BUF of Linux): lines of several workers do not mix. */
const maxPieceBytes = 4_096;

/** What may wait for a reader that stands still. Later lines are dropped: no call waits for a log. */
const maxWaitingBytes = 16_777_216;

/**
 * Lines are on their way within 10 ms. An exit waits for them, and so does whoever says what is fatal;
 * a process that is killed takes along what it has not written. What is fatal is written at once, by
 * this thread: lines that another thread has been given before, and is late with, come after it.
 *
 * @param level Lowest that is written, as pino names them.
 */
export function createLog(level: string): Log {
  const serializers = { err: (error: unknown) => describe(error) };
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, serializers },
    gatherLines(),
  );
}

function gatherLines() {
  const later = pino.destination({
    fd: 2,
    sync: false,
    maxLength: maxWaitingBytes,
    maxWrite: maxPieceBytes,
  });
  const atOnce = pino.destination({ fd: 2, sync: true });
  let lines = "";
  const take = () => {
    const taken = lines;
    lines = "";
    return taken;
  };
  const hand = () => void later.write(take());
  const flushSync = () => {
    later.flushSync();
    atOnce.write(take());
  };
  process.on("exit", flushSync);
  return {
    write(line: string) {
      if (lines.length + line.length > maxPieceBytes) hand();
      if (lines === "") setTimeout(hand, gatherMs);
      lines += line;
    },
    flushSync,
  };
}

/**
 * What an error says of itself. Drivers add the values it was about, and whoever throws something else
 * may have anything in it: these stay out.
 */
function describe(error: unknown, causes = 4): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack, cause } = error;
  const code = "code" in error ? error.code : undefined;
  const hasCause = cause !== undefined && causes > 0;
  return {
    type: name,
    message,
    code,
    stack,
    ...(hasCause && { cause: describe(cause, causes - 1) }),
  };
}

/** One answered request, as far as the log cares. */
export type RequestRecord = {
  readonly requestId: string;
  /** `undefined` unless the request is traced. */
  readonly traceId: string | undefined;
  readonly protocol: string;
  /** `package.Service/Method`; `undefined` if none was found. */
  readonly method: string | undefined;
  readonly status: number;
  /** Such as `failed_precondition`; `undefined` for a success. */
  readonly code: string | undefined;
  readonly durationMs: number;
  /** Why a token was refused, in words that hold nothing of it. */
  readonly refusal: string | undefined;
  /** Why, where it is our fault. */
  readonly cause: unknown;
};

/** Write one line for a request: an error if it is our fault, else information. */
export function logRequest(log: Log, record: RequestRecord): void {
  const { cause, durationMs, ...rest } = record;
  const line = { ...rest, durationMs: Math.round(durationMs * 1_000) / 1_000 };
  if (cause === undefined) log.info(line, "request");
  else log.error({ ...line, err: cause }, "request failed");
}
