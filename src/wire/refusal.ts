import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { retryMs } from "./limits.ts";

/** What the wire itself refuses, before any handler is asked. Programs match on the reasons. */
export const refusals = {
  messageMalformed: { code: Code.InvalidArgument, reason: "MESSAGE_MALFORMED" },
  messageTooLarge: { code: Code.ResourceExhausted, reason: "MESSAGE_TOO_LARGE" },
  messageMissing: { code: Code.Unimplemented, reason: "MESSAGE_MISSING" },
  messageRepeated: { code: Code.Unimplemented, reason: "MESSAGE_REPEATED" },
  compressionUndeclared: { code: Code.Internal, reason: "COMPRESSION_UNDECLARED" },
  parameterInvalid: { code: Code.InvalidArgument, reason: "PARAMETER_INVALID" },
  methodUnknown: { code: Code.Unimplemented, reason: "METHOD_UNKNOWN" },
  bodyTooSlow: { code: Code.DeadlineExceeded, reason: "BODY_TOO_SLOW" },
  deadlineExceeded: { code: Code.DeadlineExceeded, reason: "DEADLINE_EXCEEDED" },
  canceled: { code: Code.Canceled, reason: "CANCELED" },
  draining: { code: Code.Unavailable, reason: "DRAINING", retryMs },
  overloaded: { code: Code.Unavailable, reason: "OVERLOADED", retryMs },
} as const satisfies Record<string, { code: Code; reason: string; retryMs?: number }>;

export type RefusalKind = keyof typeof refusals;

const kinds = new WeakMap<ConnectError, RefusalKind>();

/** An error of the wire's own. Where trying again may help, it says when. */
export function refusal(kind: RefusalKind, message: string, cause?: unknown): ConnectError {
  const { code, ...hint } = refusals[kind];
  const error = new ConnectError(message, code, undefined, undefined, cause);
  kinds.set(error, kind);
  if ("retryMs" in hint) {
    error.metadata.set("retry-after", String(Math.ceil(hint.retryMs / 1_000)));
    error.metadata.set("grpc-retry-pushback-ms", String(hint.retryMs));
  }
  return error;
}

/**
 * Give an error of the wire's own its `google.rpc.ErrorInfo`, and `RetryInfo` where trying again may
 * help; leave every other as it is.
 *
 * @param domain `undefined` gives none to any.
 */
export function explain(error: ConnectError, domain: string | undefined): ConnectError {
  const kind = kinds.get(error);
  if (kind === undefined || domain === undefined || error.details.length > 0) return error;
  const { reason, ...hint } = refusals[kind];
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain } });
  if ("retryMs" in hint) {
    const retryDelay = durationFromMs(hint.retryMs);
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return error;
}
