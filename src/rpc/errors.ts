import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  Code,
  ConnectError,
  type ConnectError as ConnectErrorType,
  type Interceptor,
} from "@connectrpc/connect";
import {
  type BadRequest,
  BadRequest_FieldViolationSchema,
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { ErrorDetailSchema } from "../../gen/zitadel/message_pb.ts";
import {
  type ErrorKey,
  type ErrorKind,
  errors,
  reasonFromKey,
  ServiceError,
} from "../domain/errors.ts";
import {
  OutcomeUnknownError,
  StoreOverloadedError,
  StoreUnavailableError,
} from "../store/event-store.ts";
import { SearchTooBroadError } from "../store/search.ts";
import { FieldRulesError } from "./validate/field-violation.ts";

/** The domain of every `google.rpc.ErrorInfo` we send. */
export const errorDomain = "giraffe";

/** The only place where our kinds of refusal become codes of RPC. */
export const codes = {
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  internal: Code.Internal,
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  unauthenticated: Code.Unauthenticated,
  unavailable: Code.Unavailable,
  unimplemented: Code.Unimplemented,
  unknown: Code.Unknown,
} satisfies Record<ErrorKind, Code>;

/** What errors carry: the status of gRPC, and every detail that may be in it, those of the wire included. */
export const errorMessages = [
  StatusSchema,
  ErrorDetailSchema,
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
] as const;

type OutgoingDetails = ConstructorParameters<typeof ConnectErrorType>[3];

/** How long a client should wait before it tries again, where that may help. */
const retryMs: Partial<Record<ErrorKey, number>> = {
  tooManyFailedAuthentications: 1_000,
  identityProviderUnavailable: 1_000,
  storeUnavailable: 1_000,
};

/**
 * Turn anything thrown further inside into an error that says what it may: code, "message (ID)" and
 * details. A ConnectError goes through as it is; what nobody foresaw becomes internal with one fixed
 * text, and its cause goes to the log.
 */
export const convertErrors: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    throw connectErrorFrom(error);
  }
};

/** Anything thrown, as `convertErrors` sends it. */
export function connectErrorFrom(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof ServiceError) return fromCatalogue(error.key, error);
  if (error instanceof FieldRulesError) return fromFieldRules(error);
  if (error instanceof StoreOverloadedError) {
    return withRetry(fromCatalogue("storeOverloaded", { cause: error }), error.retryAfterMs);
  }
  if (error instanceof StoreUnavailableError) {
    return fromCatalogue("storeUnavailable", { cause: error });
  }
  if (error instanceof SearchTooBroadError)
    return fromCatalogue("searchTooBroad", { cause: error });
  if (error instanceof OutcomeUnknownError)
    return fromCatalogue("outcomeUnknown", { cause: error });
  return fromCatalogue("internal", { cause: error });
}

/** ZITADEL's `ErrorDetail` stays first: its clients read details[0]. */
function fromCatalogue(
  key: ErrorKey,
  { message: text = errors[key].message, cause }: { message?: string; cause?: unknown },
): ConnectError {
  const { kind, id } = errors[key];
  const details: OutgoingDetails = [];
  if (id !== "") details.push({ desc: ErrorDetailSchema, value: { id, message: text } });
  details.push(errorInfo(key));
  const message = id === "" ? text : `${text} (${id})`;
  const error = new ConnectError(message, codes[kind], undefined, details, cause);
  return withRetry(error, retryMs[key]);
}

function fromFieldRules({ message, violations }: FieldRulesError): ConnectError {
  const fieldViolations = violations.map(({ field, description, rule, localized }) => ({
    field,
    description,
    reason: rule,
    localizedMessage: localized,
  }));
  const badRequest = create(BadRequestSchema, { fieldViolations });
  dropBeyond(badRequest, bytesBeside(message));
  return new ConnectError(message, codes[errors.fieldInvalid.kind], undefined, [
    { desc: BadRequestSchema, value: badRequest },
    errorInfo("fieldInvalid"),
  ]);
}

/** Of the 8 KiB of headers that clients of gRPC take, what the status may have. */
const maxStatusBytes = 7_000;

/** How many bytes are left for violations: gRPC has the message in a header, and both in base64 in another. */
function bytesBeside(message: string): number {
  const inBase64 = maxStatusBytes - encodeURIComponent(message.toWellFormed()).length;
  return (inBase64 * 3) / 4 - Buffer.byteLength(message) - errorInfoBytes;
}

/** More than the `ErrorInfo`, and what stands around the details. */
const errorInfoBytes = 160;

/** Leave out the last violations, so that those before them fit. The first one always stays. */
function dropBeyond({ fieldViolations }: BadRequest, maxBytes: number): void {
  let bytes = 0;
  const beyond = fieldViolations.findIndex((violation, index) => {
    bytes += toBinary(BadRequest_FieldViolationSchema, violation).byteLength + lengthPrefixBytes;
    return index > 0 && bytes > maxBytes;
  });
  if (beyond !== -1) fieldViolations.length = beyond;
}

/** Of a message within another one: its tag, and its length. */
const lengthPrefixBytes = 3;

/** Tell clients when to come again, in each of the ways they look for it. */
function withRetry(error: ConnectError, afterMs: number | undefined): ConnectError {
  if (afterMs === undefined) return error;
  error.details.push({ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(afterMs) } });
  error.metadata.set("retry-after", String(Math.ceil(afterMs / 1_000)));
  error.metadata.set("grpc-retry-pushback-ms", String(afterMs));
  return error;
}

function errorInfo(key: ErrorKey) {
  return { desc: ErrorInfoSchema, value: { reason: reasonFromKey(key), domain: errorDomain } };
}
