import { Code, ConnectError } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { cut } from "./cut.ts";
import { maxErrorMessageBytes, retryMs } from "./limits.ts";
import { addRetryInfo, setRetryHeaders } from "./retry-hint.ts";

/** Every error of the wire itself. Programs match on the reasons: add entries, never edit one. */
export const refusals = {
  messageMalformed: { code: Code.InvalidArgument, reason: "MESSAGE_MALFORMED" },
  fieldUnknown: { code: Code.InvalidArgument, reason: "FIELD_UNKNOWN" },
  messageTooLarge: { code: Code.ResourceExhausted, reason: "MESSAGE_TOO_LARGE" },
  messageMissing: { code: Code.Unimplemented, reason: "MESSAGE_MISSING" },
  messageRepeated: { code: Code.Unimplemented, reason: "MESSAGE_REPEATED" },
  compressionUndeclared: { code: Code.Internal, reason: "COMPRESSION_UNDECLARED" },
  compressionUnknown: { code: Code.Unimplemented, reason: "COMPRESSION_UNKNOWN" },
  timeoutInvalid: { code: Code.InvalidArgument, reason: "TIMEOUT_INVALID" },
  parameterInvalid: { code: Code.InvalidArgument, reason: "PARAMETER_INVALID" },
  methodUnknown: { code: Code.Unimplemented, reason: "METHOD_UNKNOWN" },
  bodyTooSlow: { code: Code.DeadlineExceeded, reason: "BODY_TOO_SLOW" },
  deadlineExceeded: { code: Code.DeadlineExceeded, reason: "DEADLINE_EXCEEDED" },
  canceled: { code: Code.Canceled, reason: "CANCELED" },
  draining: { code: Code.Unavailable, reason: "DRAINING", retryMs },
  tooManyStreams: { code: Code.ResourceExhausted, reason: "TOO_MANY_STREAMS", retryMs },
  streamTooOld: { code: Code.Unavailable, reason: "STREAM_TOO_OLD", retryMs },
  overloaded: { code: Code.Unavailable, reason: "OVERLOADED", retryMs },
} as const satisfies Record<string, { code: Code; reason: string; retryMs?: number }>;

/** Names an error of the wire in code. */
export type RefusalKind = keyof typeof refusals;

const kinds = new WeakMap<ConnectError, RefusalKind>();

/** An error of the wire itself. If trying again may help, it has the headers that say when. */
export function refusal(kind: RefusalKind, message: string, cause?: unknown): ConnectError {
  const { code, ...hint } = refusals[kind];
  const error = new ConnectError(message, code, undefined, undefined, cause);
  kinds.set(error, kind);
  if ("retryMs" in hint) setRetryHeaders(error, hint.retryMs);
  return error;
}

/**
 * Make an error ready to be sent: cut its message, replace lone surrogates in it, which no protocol can carry, and add a
 * `google.rpc.ErrorInfo` if it has none. The reason is that of `refusals` for errors of the wire, and the code for others.
 * An error of the wire also says when to try again, if that may help.
 *
 * @param domain Of the `ErrorInfo`; `undefined` adds no details to any error.
 */
export function explain(given: ConnectError, domain: string | undefined): ConnectError {
  const error = withSentMessage(given);
  if (domain === undefined || error.details.some(isErrorInfo)) return error;
  const kind = kinds.get(given);
  const { reason, ...hint } =
    kind === undefined ? { reason: reasonFromCode(error.code) } : refusals[kind];
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain } });
  if ("retryMs" in hint) addRetryInfo(error, hint.retryMs);
  return error;
}

function withSentMessage(error: ConnectError): ConnectError {
  const message = cut(error.rawMessage, maxErrorMessageBytes).toWellFormed();
  if (message === error.rawMessage) return error;
  const { code, metadata, details, cause } = error;
  const changed = new ConnectError(message, code, metadata, undefined, cause);
  changed.details.push(...details);
  return changed;
}

type Detail = ConnectError["details"][number];

function typeOf(detail: Detail): string {
  return "desc" in detail ? detail.desc.typeName : detail.type;
}

/** Whether a detail of an error is a `google.rpc.ErrorInfo`. */
export function isErrorInfo(detail: Detail): boolean {
  return typeOf(detail) === ErrorInfoSchema.typeName;
}

/** `NOT_FOUND` for not_found. */
function reasonFromCode(code: Code): string {
  return codeToString(code).toUpperCase();
}
