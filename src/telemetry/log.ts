import { type Logger, pino, stdTimeFunctions } from "pino";
import { createLineWriter } from "./line-writer.ts";

/** One JSON object per line on stderr. Never a body, a token, a name or an e-mail address. */
export type Log = Logger;

/**
 * Lines are written within 10 ms, and all are written before the process exits. A fatal line is
 * written before `fatal` returns. A process that is killed loses its last lines.
 *
 * @param level The lowest level that is written, as pino names it.
 * @param isShared Whether other processes write to this stderr, too.
 */
export function createLog(level: string, isShared = false): Log {
  const serializers = { err: (error: unknown) => describe(error) };
  // The number stays for programs that read it, and the name is for people and for log collectors.
  const formatters = { level: (severity: string, number: number) => ({ level: number, severity }) };
  // pino calls `flushSync` for every fatal line.
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, serializers, formatters },
    createLineWriter(2, isShared),
  );
}

/**
 * Type, message, code and stack of an error, and no other field: drivers add values from the database.
 * Of anything else that was thrown only the type, because it may hold anything.
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

/** What the log and the metrics say about one answered request. */
export type RequestRecord = {
  readonly requestId: string;
  /** `undefined` unless the request is traced. */
  readonly traceId: string | undefined;
  readonly protocol: string;
  /** `package.Service/Method`; `undefined` if none was found. */
  readonly method: string | undefined;
  /** Of one of the server's own pages; `undefined` for every other path, because those come from callers. */
  readonly path: string | undefined;
  /** Whether a machine asks this again and again, to see whether the server is well. */
  readonly isProbe: boolean;
  readonly status: number;
  /** Such as `failed_precondition`; `undefined` for a success. */
  readonly code: string | undefined;
  readonly durationMs: number;
  /** Why a token was refused. Holds no part of the token. */
  readonly refusal: string | undefined;
  /** What was thrown, if the server is at fault; else `undefined`. */
  readonly cause: unknown;
};

/** Write one line for a request: level error if the server is at fault, debug for a probe that is answered well, else info. */
export function logRequest(log: Log, record: RequestRecord): void {
  const level = levelOf(record);
  if (!log.isLevelEnabled(level)) return;
  const { cause, durationMs, isProbe: _, ...rest } = record;
  const line = { ...rest, durationMs: Math.round(durationMs * 1_000) / 1_000 };
  if (cause !== undefined) log[level]({ ...line, err: cause }, "request failed");
  else log[level](line, "request");
}

function levelOf({ cause, isProbe, status, code }: RequestRecord): "error" | "debug" | "info" {
  if (cause !== undefined) return "error";
  return isProbe && status < 400 && code === undefined ? "debug" : "info";
}
