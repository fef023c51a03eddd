import { decodeProtectedHeader } from "jose/decode/protected_header";
import { JOSEError, JWTClaimValidationFailed, JWTExpired } from "jose/errors";
import { UnsecuredJWT } from "jose/jwt/unsecured";
import { jwtVerify } from "jose/jwt/verify";
import { ServiceError } from "../../domain/errors.ts";
import type { Micros } from "../../store/event-store.ts";
import type { Authenticator } from "../caller.ts";
import { defaultMaxAgeMs, memoize, type SteadyClock } from "../memoize.ts";
import { type Claims, claimsFrom, refused } from "./claims.ts";
import type { ExternalCaller } from "./external-caller.ts";
import { createIssuerKeys } from "./issuer-keys.ts";

/** Signatures only, and one per kind of key: a key cannot be taken for another (RFC 8725, 3.1 and 3.2). */
const algorithms = ["RS256", "ES256", "EdDSA"];
/** Kinds of tokens that give access. Others, such as `logout+jwt`, are signed with the same keys. */
const types: readonly unknown[] = [undefined, "jwt", "at+jwt", "application/at+jwt"];
/** How far the issuer's clock and ours may be apart. */
const clockToleranceSeconds = 5;
/** Longer than issuers let access tokens live, to bound one that would live for ever. */
const maxTokenAgeSeconds = 30 * 86_400;

/**
 * Recognise JWT access tokens: three parts in base64url, the first of which is a JOSE header. They must
 * be signed by a key of the issuer and have its `iss`, our audience in `aud`, `sub`, `iat` and `exp`.
 *
 * A positive answer is reused for `maxAgeMs`, but not after the token has expired; a negative one never.
 *
 * @param options.issuer As tokens name it. Its keys are found by OpenID Connect Discovery.
 * @param options.now Decides what has expired or is not valid yet, with a tolerance of 5 seconds.
 * @param options.maxAgeMs How long a token goes on working after its key was withdrawn. Default: 2,000 ms.
 * @param options.clock Measures `maxAgeMs` and the age of keys. Default: the monotonic clock.
 */
export function createJwtAuthenticator(options: {
  readonly issuer: string;
  readonly audience: string;
  readonly callerOf: ExternalCaller;
  readonly now: () => Micros;
  readonly maxAgeMs?: number;
  readonly clock?: SteadyClock;
}): Authenticator {
  const { issuer, audience, callerOf, now } = options;
  const { maxAgeMs = defaultMaxAgeMs, clock = performance } = options;
  const keys = createIssuerKeys(issuer, clock);

  const verify = async (_digest: string, token: string): Promise<Claims> => {
    if (!token.split(".").every(isCanonical)) throw refused("its base64url is not canonical");
    const checks = {
      issuer,
      audience,
      requiredClaims: ["exp", "iat", "sub"],
      clockTolerance: clockToleranceSeconds,
      maxTokenAge: maxTokenAgeSeconds,
      currentDate: new Date(now() / 1_000),
    };
    try {
      const { payload } = await jwtVerify(token, keys, { algorithms, ...checks }).catch(
        (error: unknown) => UnsecuredJWT.decode(withoutNotBefore(error), checks),
      );
      return claimsFrom(payload);
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      throw refused(reasonFrom(error));
    }
  };
  const claimsOf = memoize(verify, { maxAgeMs, clock });

  return async ({ text, digest }) => {
    const header = headerOf(text);
    if (header === undefined) return undefined;
    if (!types.includes(header.typ)) throw refused("it is not an access token");
    const claims = await claimsOf(digest, text);
    const end = (claims.expiresAt ?? 0) + clockToleranceSeconds * 1_000_000;
    if (end <= now()) throw refused("it has expired");
    return callerOf(claims);
  };
}

/**
 * jose refuses a null for `nbf`, the one claim of those it checks that may be absent.
 *
 * @param error Of jose. About a claim, so the signature has been verified before.
 * @returns The claims without `nbf`, as jose takes them without a signature, to be checked again.
 * @throws The error, if it is about something else.
 */
function withoutNotBefore(error: unknown): string {
  const isNull =
    error instanceof JWTClaimValidationFailed &&
    error.claim === "nbf" &&
    error.payload.nbf === null;
  if (!isNull) throw error;
  const { nbf: _, ...claims } = error.payload;
  return new UnsecuredJWT(claims).encode();
}

/** Only codes and names of claims, because texts and members of the errors of jose may hold claims. */
function reasonFrom(error: unknown): string {
  if (error instanceof JWTClaimValidationFailed || error instanceof JWTExpired)
    return `${error.code}, ${error.claim}`;
  return error instanceof JOSEError ? error.code : "its key cannot be used";
}

const shape = /^[\w-]+\.[\w-]*\.[\w-]*$/;

/** @returns The type in lower case, if it is a text. */
function headerOf(token: string): { readonly typ: unknown } | undefined {
  if (!shape.test(token)) return undefined;
  try {
    const { alg, typ }: { alg?: string; typ?: unknown } = decodeProtectedHeader(token);
    if (typeof alg !== "string") return undefined;
    return { typ: typeof typ === "string" ? typ.toLowerCase() : (typ ?? undefined) };
  } catch {
    return undefined;
  }
}

/** Without this check one signature could be written in several ways: the last character has unused bits. */
function isCanonical(part: string): boolean {
  return Buffer.from(part, "base64url").toString("base64url") === part;
}
