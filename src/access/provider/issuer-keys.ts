import type { JWK } from "jose";
import { JWKSNoMatchingKey } from "jose/errors";
import { createLocalJWKSet } from "jose/jwks/local";
import type { JWTVerifyGetKey } from "jose/jwt/verify";
import { ServiceError } from "../../domain/errors.ts";
import type { SteadyClock } from "../memoize.ts";
import { askProvider, unavailable } from "./ask-provider.ts";
import { presentMembers } from "./present-members.ts";
import { createSearchPace } from "./search-pace.ts";

/** For the discovery document and the keys together. */
const timeoutMs = 5_000;
/** Hundreds of keys; issuers have a handful. */
const maxBytes = 262_144;
/** How often keys are retrieved again, so that a key that was withdrawn stops working. */
const refreshMs = 300_000;
/** After a failed retrieval: doubled by each further one, up to the longest. */
const pauseMs = { first: 1_000, longest: 30_000 };
/** How long known keys are used while the issuer cannot be reached. */
const maxAgeMs = 86_400_000;

type Keys = {
  readonly find: JWTVerifyGetKey;
  /** With several keys a token must name its key. */
  readonly areSeveral: boolean;
  readonly retrievedAt: number;
};

/**
 * The keys of an issuer, by OpenID Connect Discovery: retrieved when first needed, every 5 minutes
 * while they are used, and for a key that is not known, as often as `createSearchPace` allows. All who need a
 * retrieval share one. While it fails, known keys are good for 24 hours.
 *
 * The remote key set of jose does not fit: it cools down only after a success, so that during an outage
 * every token with an unknown key would ask again, and it drops old keys although it gets no new ones.
 *
 * @param issuer As tokens name it.
 * @returns Finds the key of a token. Throws JOSEError if the issuer has no such key, and ServiceError
 *   `identityProviderUnavailable` if only the issuer could tell and cannot be asked.
 */
export function createIssuerKeys(issuer: string, clock: SteadyClock): JWTVerifyGetKey {
  let keys: Keys | undefined;
  let failures = 0;
  let failure: unknown;
  const mayRetrieve = createSearchPace(clock);
  let startedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;
  // Random, so that processes that were started together do not ask together.
  const jitter = 0.8 + 0.2 * Math.random();

  /** Does nothing while it is too early. Never rejects: an error is in `failure`. */
  const retrieve = (): Promise<void> => {
    if (pending !== undefined) return pending;
    const isEarly =
      failures === 0 ? !mayRetrieve() : clock.now() < startedAt + pauseAfter(failures);
    if (isEarly) return Promise.resolve();
    startedAt = clock.now();
    pending = retrieveKeys(issuer, startedAt)
      .then(
        (retrieved) => {
          keys = retrieved;
          failures = 0;
          failure = undefined;
        },
        (error: unknown) => {
          failures += 1;
          failure = error;
        },
      )
      .finally(() => {
        pending = undefined;
      });
    return pending;
  };

  const isUsable = (known: Keys | undefined) =>
    known !== undefined && clock.now() - known.retrievedAt < maxAgeMs;

  const usableKeys = async (): Promise<Keys> => {
    const idleMs = clock.now() - startedAt;
    // Under regular load no call waits, because keys are refreshed beside it. After a long pause they
    // may have been withdrawn, so the call waits for new ones.
    if (!isUsable(keys) || idleMs > 2 * refreshMs) await retrieve();
    else if (idleMs > refreshMs * jitter) void retrieve();
    if (keys !== undefined && isUsable(keys)) return keys;
    throw failure ?? unavailable(`the keys of ${issuer} are not known`);
  };

  return async (header, token) => {
    const known = await usableKeys();
    const found = await knownKey(known, header, token);
    if (found !== undefined) return found;
    if (pending !== undefined) {
      // It may have been answered before the key was published.
      await pending;
      const retrieved = keys && (await knownKey(keys, header, token));
      if (retrieved !== undefined) return retrieved;
    }
    await retrieve();
    if (failure !== undefined) throw failure;
    return findKey(await usableKeys(), header, token);
  };
}

function pauseAfter(failures: number): number {
  return Math.min(pauseMs.first * 2 ** (failures - 1), pauseMs.longest);
}

/** As `findKey`; `undefined` if there is no such key. */
async function knownKey(...args: Parameters<typeof findKey>) {
  try {
    return await findKey(...args);
  } catch (error) {
    if (error instanceof JWKSNoMatchingKey) return undefined;
    throw error;
  }
}

/**
 * Ask the issuer for its keys once, to tell a person at the start what will be refused.
 *
 * @returns Why they cannot be retrieved; `undefined` if they can. Holds nothing that was answered.
 */
export async function issuerProblem(issuer: string): Promise<string | undefined> {
  try {
    await retrieveKeys(issuer, 0);
    return undefined;
  } catch (error) {
    return error instanceof ServiceError && error.cause instanceof Error
      ? error.cause.message
      : "its answer cannot be used";
  }
}

function findKey({ find, areSeveral }: Keys, ...[header, token]: Parameters<JWTVerifyGetKey>) {
  if (areSeveral && header.kid === undefined) throw new JWKSNoMatchingKey("no key is named");
  return find(header, token);
}

async function retrieveKeys(issuer: string, retrievedAt: number): Promise<Keys> {
  const request = {
    signal: AbortSignal.timeout(timeoutMs),
    maxBytes,
    headers: { accept: "application/json" },
  };
  const discovery = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { issuer: named, jwks_uri: address } = await askProvider(discovery, request);
  if (named !== issuer) {
    throw unavailable(`${discovery} is about the issuer ${JSON.stringify(named)}, not ${issuer}`);
  }
  if (!isKeyAddress(address, issuer)) {
    throw unavailable(`${discovery} names no jwks_uri with https: ${JSON.stringify(address)}`);
  }
  const { keys } = await askProvider(address, request);
  try {
    // WebCrypto refuses a key with a null among its members.
    const find = createLocalJWKSet({ keys: (keys as JWK[]).map(presentMembers) as JWK[] });
    return { find, areSeveral: find.jwks().keys.length > 1, retrievedAt };
  } catch (error) {
    throw unavailable(`${address} did not answer with a set of keys`, error);
  }
}

/** At another origin than the issuer's, which may be on loopback, only TLS proves who answers. */
function isKeyAddress(address: unknown, issuer: string): address is string {
  const url = typeof address === "string" ? URL.parse(address) : null;
  if (url === null || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || url.origin === new URL(issuer).origin;
}
