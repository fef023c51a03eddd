import { hash } from "node:crypto";
import { isIPv6 } from "node:net";
import { LRUCache } from "lru-cache";
import { ServiceError } from "../domain/errors.ts";
import type { Micros } from "../store/event-store.ts";

/** Far more than people and misconfigured clients cause, far less than guessing needs. */
const failuresPerSecond = 20;
/** A deployment whose token has just expired fails on all its connections at once. */
const failuresAtOnce = 100;
/** Some megabytes. An attacker with more addresses than this gets a full bucket again, no more. */
const maxAddresses = 10_000;
const maxAcceptedTokens = 10_000;

/**
 * Runs one authentication attempt, or refuses it unseen.
 *
 * @param address Of the peer, as the socket says; IPv6 addresses count by their /64, which is what
 *   one customer gets.
 * @returns What `attempt` returns.
 * @throws ServiceError `tooManyFailedAuthentications`; the attempt was not made.
 * @throws What `attempt` throws.
 */
export type FailedAttempts = <Result>(
  address: string,
  token: string,
  attempt: () => Promise<Result>,
) => Promise<Result>;

/**
 * Limit failed authentications per address: 20 a second, bursts of 100.
 *
 * An attempt that ends in `tokenInvalid` costs one. While an address has none left, its attempts are
 * refused before any look-up, so that guessing is not free, unless the token was accepted before:
 * whoever shares an address with an attacker goes on working. A refused attempt costs nothing, so
 * 20 attempts a second always get through, and a new token is soon among them.
 *
 * Attempts under way at once are counted when they fail; a new client may open many at once.
 */
export function createFailedAttempts(options: { readonly now: () => Micros }): FailedAttempts {
  const buckets = new LRUCache<string, Bucket>({ max: maxAddresses });
  const accepted = new LRUCache<string, true>({ max: maxAcceptedTokens });

  const leftOf = (group: string, now: Micros) => {
    const bucket = buckets.get(group);
    if (bucket === undefined) return failuresAtOnce;
    const seconds = Math.max(0, now - bucket.at) / 1_000_000;
    return Math.min(failuresAtOnce, bucket.left + seconds * failuresPerSecond);
  };
  const charge = (group: string) => {
    const at = options.now();
    buckets.set(group, { left: Math.max(0, leftOf(group, at) - 1), at });
  };

  return async (address, token, attempt) => {
    const digest = hash("sha256", token, "base64");
    const isKnown = accepted.get(digest) === true;
    if (!isKnown && leftOf(addressGroup(address), options.now()) < 1) {
      throw new ServiceError("tooManyFailedAuthentications");
    }
    try {
      const result = await attempt();
      if (!isKnown) accepted.set(digest, true);
      return result;
    } catch (error) {
      if (error instanceof ServiceError && error.key === "tokenInvalid") {
        accepted.delete(digest);
        charge(addressGroup(address));
      }
      throw error;
    }
  };
}

/** How many failures an address had left at a moment. */
type Bucket = { readonly left: number; readonly at: Micros };

/**
 * The addresses that share one bucket: an IPv4 address alone, whether or not it is written as IPv6;
 * an IPv6 address with its /64. Any other text stands for itself.
 */
export function addressGroup(address: string): string {
  const [plain = ""] = address.split("%");
  if (!isIPv6(plain)) return plain;
  const mapped = /^::ffff:([0-9.]+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = [], tail = []] = plain
    .split("::")
    .map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
