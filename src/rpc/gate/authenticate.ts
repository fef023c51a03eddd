import type { DescMethod } from "@bufbuild/protobuf";
import { type ContextValues, createContextKey } from "@connectrpc/connect";
import { type BearerToken, bearerTokenFrom } from "../../access/bearer-token.ts";
import type { Authenticator, Caller } from "../../access/caller.ts";
import type { FailedAttempts, TakeTurn } from "../../access/failed-attempts.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Gate } from "./gate.ts";

/** Longer than the tokens of any issuer, and so short that hashing and parsing cost little. */
const maxTokenLength = 8_192;

/** The caller of this request; `undefined` in public methods. */
export const callerKey = createContextKey<Caller | undefined>(undefined, {
  description: "caller",
});

/**
 * Refuse calls without a valid bearer token, and put the caller into the context values of the others. A
 * call whose token is known to be valid does not wait, and counts in no limit.
 *
 * @param options.authenticators Asked in order. `undefined` means "not mine", a throw means "mine,
 *   and refused".
 * @param options.isPublic Methods that anyone may call: their token is not looked at.
 * @param options.failures Limits failed attempts.
 * @param options.peer The address of the other end of the connection.
 * @returns Returns ServiceError `authHeaderMissing`, `authHeaderInvalid`, and `tokenInvalid` if it is too long.
 * @throws ServiceError `tokenInvalid`, `tooManyFailedAuthentications`, `identityProviderUnavailable`.
 */
export function createAuthenticate(options: {
  readonly authenticators: readonly Authenticator[];
  readonly isPublic: (method: DescMethod) => boolean;
  readonly failures: FailedAttempts;
  readonly peer: (values: ContextValues) => string;
}): Gate<ServiceError> {
  const { authenticators, isPublic, failures, peer } = options;
  return ({ method, requestHeader, values }) => {
    if (isPublic(method)) return undefined;
    const token = bearerToken(requestHeader);
    if (token instanceof ServiceError) return token;
    const remembered = rememberedCaller(token, authenticators);
    if (remembered !== undefined) {
      values.set(callerKey, remembered);
      return undefined;
    }
    return failures(peer(values), token.digest, (takeTurn) =>
      recognise(token, authenticators, takeTurn),
    ).then((caller) => void values.set(callerKey, caller));
  };
}

function rememberedCaller(
  token: BearerToken,
  authenticators: readonly Authenticator[],
): Caller | undefined {
  for (const { remembered } of authenticators) {
    const caller = remembered?.(token);
    if (caller !== undefined) return caller;
  }
  return undefined;
}

async function recognise(
  token: BearerToken,
  authenticators: readonly Authenticator[],
  takeTurn: TakeTurn,
): Promise<Caller> {
  for (const authenticate of authenticators) {
    const caller = await authenticate(token, takeTurn);
    if (caller !== undefined) return caller;
  }
  throw tokenInvalid;
}

/**
 * Exactly `Bearer ` and one token. The scheme is case-sensitive, as in ZITADEL and unlike RFC 9110
 * section 11.1. Two headers arrive as one value, "Bearer a, Bearer b", and are refused because of the
 * space.
 *
 * @returns What is wrong with it in place of a token: see `Gate`.
 */
function bearerToken(header: Headers): BearerToken | ServiceError {
  const value = header.get("authorization");
  if (!value) return headerMissing;
  const text = /^Bearer (\S+)$/.exec(value)?.[1];
  if (text === undefined) return headerInvalid;
  if (text.length > maxTokenLength) return tokenInvalid;
  return bearerTokenFrom(text);
}

// What strangers are told, made once, so that they cost little. Frozen: see `connectErrorFrom`.
const headerMissing = Object.freeze(new ServiceError("authHeaderMissing"));
const headerInvalid = Object.freeze(new ServiceError("authHeaderInvalid"));
const tokenInvalid = Object.freeze(new ServiceError("tokenInvalid"));
