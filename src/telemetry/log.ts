import { type Logger, pino, stdTimeFunctions } from "pino";
import { createLineWriter } from "./line-writer.ts";

/** One JSON object per line on stderr. Never a body, a token, a name or an e-mail address. */
export type Log = Logger;

/**
 * Lines are written within 10 ms, and all are written before the process exits. A fatal line is
 * written before `fatal` returns. A process that is killed loses its last lines.
 *
 * @param level The lowest level that is written, as pino names it.
 */
export function createLog(level: string): Log {
  const serializers = { err: (error: unknown) => describe(error) };
  // pino calls `flushSync` for every fatal line.
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, serializers },
    createLineWriter(2),
  );
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
