import { type Logger, pino, stdTimeFunctions } from "pino";

/** One JSON object per line on stderr. Never a body, a token, a name or an e-mail address. */
export type Log = Logger;

/** @param level Lowest that is written, as pino names them. */
export function createLog(level: string): Log {
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, pino.destination(2));
}

/** One answered request, as far as the log cares. */
export type RequestRecord = {
  readonly requestId: string;
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
