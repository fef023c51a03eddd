import type { Caller } from "./callers.ts";

/** The refusal of a call, in one form for all protocols. */
export type Refusal = {
  /** Number of the gRPC code. */
  readonly code: number;
  readonly text: string;
  /** Of ZITADEL's ErrorDetail; `undefined` if the error has none. */
  readonly id?: string;
  readonly reason: string;
  /** Of `google.rpc.BadRequest`. */
  readonly violations?: readonly Violation[];
  /** Of `google.rpc.RetryInfo`, such as `1s`. */
  readonly retryDelay?: string;
};

export type Violation = {
  readonly field: string;
  readonly description: string;
  readonly reason: string;
  readonly localizedMessage: { readonly locale: string; readonly message: string };
};

const violation = (description: string, reason: string, message: string) => ({
  description,
  reason,
  localizedMessage: { locale: "en", message },
});

/** The English text for people of a violation. */
export const brokenRules = {
  email: violation(
    "value must be a valid email address | caused by: mail: missing '@' or angle-addr",
    "STRING_EMAIL",
    "Must be a valid email address",
  ),
  length10: violation(
    "value length must be at most 10 runes",
    "STRING_LENGTH",
    "Must be at most 10 characters long",
  ),
  length200: violation(
    "value length must be at most 200 runes",
    "STRING_LENGTH",
    "Must be at most 200 characters long",
  ),
  length1To50: violation(
    "value length must be between 1 and 50 runes, inclusive",
    "STRING_LENGTH",
    "Must be between 1 and 50 characters long",
  ),
  length1To200: violation(
    "value length must be between 1 and 200 runes, inclusive",
    "STRING_LENGTH",
    "Must be between 1 and 200 characters long",
  ),
  noNul: violation(
    "value must not contain U+0000",
    "STRING_NO_NUL",
    "Must not contain the character U+0000",
  ),
  plus: violation(
    'value does not have prefix "+"',
    "STRING_PREFIX",
    "Must start with \u201c+\u201d",
  ),
  required: violation("value is required", "MESSAGE_REQUIRED", "This field is required"),
} satisfies Record<string, Omit<Violation, "field">>;

/** The refusals that several methods have. Those of one method are in its test. */
export const refusals = {
  headerMissing: { code: 16, text: "auth header missing", reason: "AUTH_HEADER_MISSING" },
  headerInvalid: {
    code: 16,
    text: "invalid auth header",
    id: "AUTH-toLo1",
    reason: "AUTH_HEADER_INVALID",
  },
  tokenInvalid: {
    code: 16,
    text: "Errors.Token.Invalid",
    id: "AUTH-7fs1e",
    reason: "TOKEN_INVALID",
  },
  identityProviderUnavailable: {
    code: 14,
    text: "the identity provider is not available",
    reason: "IDENTITY_PROVIDER_UNAVAILABLE",
    retryDelay: "1s",
  },
  organizationNotFound: {
    code: 7,
    text: "Organisation doesn't exist",
    id: "AUTH-Bs7Ds",
    reason: "ORGANIZATION_NOT_FOUND",
  },
  membershipNotFound: {
    code: 5,
    text: "membership not found",
    id: "AUTHZ-cdgFk",
    reason: "MEMBERSHIP_NOT_FOUND",
  },
  permissionMissing: {
    code: 7,
    text: "No matching permissions found",
    id: "AUTH-5mWD2",
    reason: "PERMISSION_MISSING",
  },
  tooLarge: {
    code: 8,
    text: "message is larger than 65536 bytes",
    reason: "MESSAGE_TOO_LARGE",
  },
} as const satisfies Record<string, Refusal>;

/**
 * A request that breaks field rules, with all of them.
 *
 * @param place Of the first, in the words of protoc-gen-validate: `UpdateHumanProfileRequest.UserId`.
 */
export function fieldRules(place: string, ...violations: readonly [Violation, ...Violation[]]) {
  const text = `invalid ${place}: ${violations[0].description}`;
  return { code: 3, text, reason: "FIELD_INVALID", violations } satisfies Refusal;
}

/** The expected reply of a refusal, without headers. */
export function refused({ protocol }: Caller, refusal: Refusal) {
  const { code, text, id, reason, violations, retryDelay } = refusal;
  const isHttp = protocol === "REST" || protocol === "Connect";
  return {
    code,
    message: id === undefined ? text : `${text} (${id})`,
    details: [
      ...(id === undefined
        ? []
        : [{ type: "zitadel.v1.ErrorDetail", value: { id, message: text } }]),
      ...(violations === undefined
        ? []
        : [{ type: "google.rpc.BadRequest", value: { fieldViolations: violations } }]),
      { type: "google.rpc.ErrorInfo", value: { reason, domain: "giraffe" } },
      ...(retryDelay === undefined
        ? []
        : [{ type: "google.rpc.RetryInfo", value: { retryDelay } }]),
    ],
    body: undefined,
    status: isHttp ? httpStatuses[code] : 200,
  };
}

/** By number of the gRPC code. */
const httpStatuses: Readonly<Record<number, number>> = {
  3: 400,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  12: 501,
  14: 503,
  16: 401,
};
