import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import {
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
import { rejecting } from "./rejecting.ts";
import { badRequestFrom } from "./validate/bad-request.ts";
import { FieldRulesError } from "./validate/field-violation.ts";

/** The domain of every `google.rpc.ErrorInfo` we send. */
export const errorDomain = "giraffe";

/** The only map from our kinds of errors to the codes of RPC. */
export const codes = {
  aborted: Code.Aborted,
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

/**
 * The HTTP status on REST, by reason, of errors about headers that HTTP defines: it defines their statuses, too
 * (RFC 9110 section 13.1.1, RFC 6585 section 3).
 */
export const restStatuses: Readonly<Record<string, number>> = {
  [reasonFromKey("versionMismatch")]: 412,
  [reasonFromKey("ifMatchRequired")]: 428,
};

/** The messages that errors carry: the status of gRPC, and all details, those that the wire adds included. */
export const errorMessages = [
  StatusSchema,
  ErrorDetailSchema,
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
] as const;

/** How long a client should wait before it tries again, where that may help. */
const retryMs: Partial<Record<ErrorKey, number>> = {
  tooManyFailedAuthentications: 1_000,
  identityProviderUnavailable: 1_000,
  storeUnavailable: 1_000,
  storeOverloaded: 1_000,
  tooManyIdempotencyKeys: 60_000,
  tooManyBatches: 1_000,
};

/**
 * Turn whatever a handler throws into an error that a client may see: code, "message (ID)" and details.
 *
 * A ConnectError passes unchanged. An unexpected error becomes `internal` with one fixed text; its
 * cause goes to the log.
 */
export const convertErrors: Interceptor = (next) => {
  const convert = (error: unknown): never => {
    throw connectErrorFrom(error);
  };
  return (request) => rejecting(() => next(request), convert);
};

/** What was made of errors that are frozen. */
const frozen = new WeakMap<ServiceError, ConnectError>();

/**
 * The error that `convertErrors` throws in place of this one. If it is frozen, so is that one, and both can be thrown
 * again and again.
 */
export function connectErrorFrom(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof ServiceError) {
    return Object.isFrozen(error) ? frozenFrom(error) : fromCatalogue(error.key, error);
  }
  if (error instanceof FieldRulesError) return fromFieldRules(error);
  const key = keyOfStoreError(error) ?? "internal";
  const retryAfterMs = error instanceof StoreOverloadedError ? error.retryAfterMs : undefined;
  return fromCatalogue(key, { cause: error }, retryAfterMs);
}

function frozenFrom(error: ServiceError): ConnectError {
  const known = frozen.get(error);
  if (known !== undefined) return known;
  const made = Object.freeze(fromCatalogue(error.key, error));
  Object.freeze(made.details);
  frozen.set(error, made);
  return made;
}

function keyOfStoreError(error: unknown): ErrorKey | undefined {
  if (error instanceof StoreOverloadedError) return "storeOverloaded";
  if (error instanceof StoreUnavailableError) return "storeUnavailable";
  if (error instanceof SearchTooBroadError) return "searchTooBroad";
  if (error instanceof OutcomeUnknownError) return "outcomeUnknown";
  return undefined;
}

/** ZITADEL's `ErrorDetail` comes first, because its clients read `details[0]`. */
function fromCatalogue(
  key: ErrorKey,
  { message: text = errors[key].message, values, cause }: Partial<ServiceError>,
  retryAfterMs = retryMs[key],
): ConnectError {
  const { kind, id, ...rest } = errors[key];
  const hasId = id !== "" || "hasEmptyId" in rest;
  const details: OutgoingDetails = [];
  if (hasId) details.push({ desc: ErrorDetailSchema, value: { id, message: text } });
  details.push(errorInfo(key, values));
  const message = hasId ? `${text} (${id})` : text;
  const error = withoutStack(
    () => new ConnectError(message, codes[kind], undefined, details, cause),
  );
  if (retryAfterMs !== undefined) addRetryHint(error, retryAfterMs);
  return error;
}

/** What it stands for has the stack, if there is one: taking a second costs a tenth of a refused call. */
function withoutStack<Made>(make: () => Made): Made {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

type OutgoingDetails = ConstructorParameters<typeof ConnectError>[3];

function fromFieldRules(error: FieldRulesError): ConnectError {
  return new ConnectError(error.message, codes[errors.fieldInvalid.kind], undefined, [
    { desc: BadRequestSchema, value: badRequestFrom(error) },
    errorInfo("fieldInvalid"),
  ]);
}

function errorInfo(key: ErrorKey, metadata: ServiceError["values"] = {}) {
  const value = { reason: reasonFromKey(key), domain: errorDomain, metadata };
  return { desc: ErrorInfoSchema, value };
}

/** Say when to try again: in a detail, in HTTP's header and in the one that gRPC's clients obey. */
function addRetryHint(error: ConnectError, afterMs: number): void {
  error.details.push({ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(afterMs) } });
  error.metadata.set("retry-after", String(Math.ceil(afterMs / 1_000)));
  error.metadata.set("grpc-retry-pushback-ms", String(afterMs));
}
