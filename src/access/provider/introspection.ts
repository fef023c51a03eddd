import { ServiceError } from "../../domain/errors.ts";
import type { Micros } from "../../store/event-store.ts";
import type { BearerToken } from "../bearer-token.ts";
import type { Authenticator } from "../caller.ts";
import type { TakeTurn } from "../failed-attempts.ts";
import { memoize, type SteadyClock } from "../memoize.ts";
import { askProvider, unusable, unusableStatusOf } from "./ask-provider.ts";
import { createBreaker } from "./breaker.ts";
import { type Claims, claimsFrom, refused } from "./claims.ts";
import type { ExternalCaller } from "./external-caller.ts";
import { presentMembers } from "./present-members.ts";

const timeoutMs = 2_000;
/** Of an answer, which is about one token. */
const maxBytes = 65_536;
/** How long a token may go on working after the provider has revoked it. */
const maxClaimsAgeMs = 30_000;
/** With these statuses a provider says that this text cannot be a token; other tokens may be fine. */
const refusingStatuses: readonly unknown[] = [400, 413, 414, 422, 431];
/** How long a refusal is reused, so that a client that tries again and again does not load the provider. */
const maxRefusalAgeMs = 5_000;

/**
 * Ask the provider about every token (RFC 7662). This must be the last authenticator, because it
 * recognises every token.
 *
 * A positive answer is reused for 30 seconds, but not after the token has expired; a negative one for
 * 5 seconds. If the provider does not answer, the call fails. A member that is null is absent, and
 * null for "active" means that the token is not active.
 *
 * @param options.expected What `iss` and `aud` of an answer must be, where it has them.
 * @param options.now Decides what has expired.
 * @param options.clock Measures how long answers are reused. Default: the monotonic clock.
 */
export function createIntrospectionAuthenticator(options: {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly expected?: { readonly issuer: string; readonly audience: string } | undefined;
  readonly callerOf: ExternalCaller;
  readonly now: () => Micros;
  readonly clock?: SteadyClock;
}): Authenticator {
  const { url, clientId, clientSecret, expected, callerOf, now, clock = performance } = options;
  const attempt = createBreaker(clock);
  const credentials = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
  const headers = {
    accept: "application/json",
    authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
  };

  const ask = (token: string): Promise<Readonly<Record<string, unknown>>> =>
    attempt(async () => {
      const answer = await askProvider(url, {
        method: "POST",
        headers,
        body: new URLSearchParams({ token, token_type_hint: "access_token" }),
        signal: AbortSignal.timeout(timeoutMs),
        maxBytes,
      });
      if (typeof answer.active === "boolean" || answer.active === null) return answer;
      throw unusable(`${url} does not say whether a token is active`);
    }).catch((error: unknown) => {
      const status = unusableStatusOf(error);
      if (!refusingStatuses.includes(status)) throw error;
      throw refused(`${url} answered with status ${status}`);
    });

  const judge = async (_digest: string, { text, takeTurn }: Question): Promise<Answer> => {
    try {
      const document = await takeTurn("provider", () => ask(text));
      const claims = activeClaims(document, expected);
      return { claims, maxAgeMs: maxAgeMsOf(claims, now()) };
    } catch (refusal) {
      const isRefused = refusal instanceof ServiceError && refusal.key === "tokenInvalid";
      if (!isRefused) throw refusal;
      return { refusal, maxAgeMs: maxRefusalAgeMs };
    }
  };
  const answerTo = memoize(judge, { maxAgeMs: (answer) => answer.maxAgeMs, clock });

  return async ({ text, digest }, takeTurn) => {
    const { claims, refusal } = await answerTo(digest, { text, takeTurn });
    if (claims === undefined) throw refusal;
    if (claims.expiresAt !== undefined && claims.expiresAt <= now())
      throw refused("it has expired");
    return callerOf(claims);
  };
}

type Question = Pick<BearerToken, "text"> & { readonly takeTurn: TakeTurn };

type Answer =
  | { readonly claims: Claims; readonly refusal?: undefined; readonly maxAgeMs: number }
  | { readonly claims?: undefined; readonly refusal: unknown; readonly maxAgeMs: number };

function activeClaims(
  document: Readonly<Record<string, unknown>>,
  expected: { readonly issuer: string; readonly audience: string } | undefined,
): Claims {
  const { active, iss, aud } = presentMembers(document);
  if (active !== true) throw refused("it is not active");
  if (expected !== undefined) {
    if (iss !== undefined && iss !== expected.issuer) throw refused('unexpected "iss"');
    if (aud !== undefined && ![aud].flat().includes(expected.audience))
      throw refused('unexpected "aud"');
  }
  return claimsFrom(document);
}

function maxAgeMsOf({ expiresAt }: Claims, now: Micros): number {
  if (expiresAt === undefined) return maxClaimsAgeMs;
  return Math.max(0, Math.min(maxClaimsAgeMs, Math.floor((expiresAt - now) / 1_000)));
}

/** Encodes a part of the Basic credentials (RFC 6749, section 2.3.1). */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
