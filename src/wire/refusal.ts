import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

/** What the wire itself refuses, before any handler is asked. Programs match on the reasons. */
const refusals = {
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
  draining: { code: Code.Unavailable, reason: "DRAINING" },
} as const;

export type RefusalKind = keyof typeof refusals;

const reasons = new WeakMap<ConnectError, string>();

/** An error of the wire's own. */
export function refusal(kind: RefusalKind, message: string, cause?: unknown): ConnectError {
  const { code, reason } = refusals[kind];
  const error = new ConnectError(message, code, undefined, undefined, cause);
  reasons.set(error, reason);
  return error;
}

/**
 * Give an error of the wire's own its `google.rpc.ErrorInfo`; leave every other as it is.
 *
 * @param domain `undefined` gives none to any.
 */
export function explain(error: ConnectError, domain: string | undefined): ConnectError {
  const reason = reasons.get(error);
  if (reason !== undefined && domain !== undefined && error.details.length === 0) {
    error.details.push({ desc: ErrorInfoSchema, value: { reason, domain } });
  }
  return error;
}
