import { isIPv6 } from "node:net";
import { LRUCache } from "lru-cache";
import { ServiceError } from "../domain/errors.ts";
import type { Micros } from "../store/event-store.ts";
import { isUnusableAnswer } from "./provider/ask-provider.ts";
import { type Allowance, createQuestionTurns, type Turn } from "./question-turns.ts";

/** Far more than people and misconfigured clients cause, far less than guessing needs. */
const failuresPerSecond = 20;
/** A deployment whose token has just expired fails on all its connections at once. */
const failuresAtOnce = 100;
/** Some megabytes. An attacker with more addresses than this gets a full bucket again, no more. */
const maxAddresses = 10_000;
const maxAcceptedTokens = 10_000;

/**
 * Ask the directory or the provider about a token. The question waits for its turn, unless the token was
 * accepted before. An attempt waits only once, before its first question.
 *
 * @param whom Each has a queue of its own: who asks the directory does not wait for a slow provider.
 * @throws ServiceError `tooManyFailedAuthentications` if too many questions wait already.
 * @throws What `question` throws.
 */
export type TakeTurn = <Answer>(
  whom: "directory" | "provider",
  question: () => Promise<Answer>,
) => Promise<Answer>;

/**
 * Runs one authentication attempt.
 *
 * @param address Of the client; IPv6 addresses count by their /64, which is what one customer gets.
 * @param digest Of the token.
 * @param attempt Takes a turn for what it asks others.
 * @returns What `attempt` returns.
 * @throws ServiceError `tooManyFailedAuthentications` instead of what `attempt` throws about a wrong
 *   token, while the address has no guesses left.
 * @throws What `attempt` throws.
 */
export type FailedAttempts = <Result>(
  address: string,
  digest: string,
  attempt: (takeTurn: TakeTurn) => Promise<Result>,
) => Promise<Result>;

/**
 * Limit failed authentications per address: 20 a second, bursts of 100.
 *
 * A valid token is never refused because of what others of its address do, so every token is looked
 * at, and the limit decides how a wrong one is answered: while the address has guesses left,
 * each costs one and the client learns that the token is wrong; then it learns only that there were
 * too many. What can be told here (form, checksum, signature) is told at once. What has to be
 * asked waits for its turn, which `createQuestionTurns` keeps fair; there is a guess reserved for it
 * before, so that no more can be under way at once than there are guesses, and four.
 *
 * A wrong token is one that ends in `tokenInvalid`, or that the identity provider has no usable answer
 * about. One that was accepted before is told the truth even when no guess is left, because its
 * client must learn that it needs a new one.
 */
export function createFailedAttempts(options: { readonly now: () => Micros }): FailedAttempts {
  const allowance = createAllowance(options.now);
  const accepted = new LRUCache<string, true>({ max: maxAcceptedTokens });
  const turns = {
    directory: createQuestionTurns(allowance),
    provider: createQuestionTurns(allowance),
  };

  return async (address, digest, attempt) => {
    const isKnown = accepted.get(digest) === true;
    const group = addressGroup(address);
    let turn: Turn | undefined;
    let isGuess = false;
    try {
      const result = await attempt(async (whom, question) => {
        if (!isKnown) turn ??= await turns[whom](group);
        return question();
      });
      if (!isKnown) accepted.set(digest, true);
      return result;
    } catch (error) {
      isGuess = isAboutToken(error);
      if (!isGuess) throw error;
      if (isInvalid(error)) accepted.delete(digest);
      const isPaid = turn?.isReserved === true || allowance.take(group);
      if (isPaid || isKnown) throw error;
      throw new ServiceError("tooManyFailedAuthentications");
    } finally {
      turn?.end(isGuess);
    }
  };
}

function createAllowance(now: () => Micros): Allowance {
  const buckets = new LRUCache<string, Bucket>({ max: maxAddresses });
  const leftOf = (group: string, at: Micros) => {
    const bucket = buckets.get(group);
    if (bucket === undefined) return failuresAtOnce;
    const seconds = Math.max(0, at - bucket.at) / 1_000_000;
    return Math.min(failuresAtOnce, bucket.left + seconds * failuresPerSecond);
  };
  return {
    take(group) {
      const at = now();
      const left = leftOf(group, at);
      if (left < 1) return false;
      buckets.set(group, { left: left - 1, at });
      return true;
    },
    giveBack(group) {
      const at = now();
      buckets.set(group, { left: Math.min(failuresAtOnce, leftOf(group, at) + 1), at });
    },
  };
}

function isInvalid(error: unknown): boolean {
  return error instanceof ServiceError && error.key === "tokenInvalid";
}

function isAboutToken(error: unknown): boolean {
  return isInvalid(error) || isUnusableAnswer(error);
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
