import { LRUCache } from "lru-cache";
import { ServiceError } from "../domain/errors.ts";
import type { Micros } from "../store/event-store.ts";
import { isUnusableAnswer } from "./provider/ask-provider.ts";
import { type Allowance, createQuestionTurns, type Turn } from "./question-turns.ts";

/** Far more than people and misconfigured clients cause, far less than guessing needs. */
const failuresPerSecond = 20;
/** A deployment whose token has just expired fails on all its connections at once. */
const failuresAtOnce = 100;
/** Takes some megabytes. If an attacker has more addresses, the oldest buckets are forgotten, so they are full again. */
const maxAddresses = 10_000;
/** Takes some megabytes. */
const maxAcceptedTokens = 10_000;

/**
 * Ask the directory or the provider about a token. The question waits for its turn, unless the token was
 * accepted before. An attempt waits only once, before its first question.
 *
 * @param whom Each has a queue of its own, so that a slow provider delays no question to the directory.
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
 * @param address Of the client.
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
 * A valid token is never refused because of what other clients at its address do. So every token is
 * checked, and the limit only decides how a wrong one is answered. While the address has guesses left,
 * a wrong token costs one, and the client learns that the token is wrong. After that, the client
 * learns only that there were too many failures.
 *
 * Form, checksum and signature are checked at once. A question to the directory or a provider waits
 * for its turn (`createQuestionTurns`). A guess is reserved before it is asked, so an address has at
 * most four more questions in flight than it has guesses.
 *
 * A token is wrong if the attempt ends in `tokenInvalid`, or if the identity provider gives no usable
 * answer about it. A token that was accepted before is always answered with the truth, because its
 * client must learn that it needs a new token.
 *
 * @param options.groupOf The key under which addresses count as one client.
 */
export function createFailedAttempts(options: {
  readonly now: () => Micros;
  readonly groupOf: (address: string) => string;
}): FailedAttempts {
  const { now, groupOf } = options;
  const allowance = createAllowance(now);
  const accepted = new LRUCache<string, true>({ max: maxAcceptedTokens });
  const turns = {
    directory: createQuestionTurns(allowance),
    provider: createQuestionTurns(allowance),
  };

  return async (address, digest, attempt) => {
    const isKnown = accepted.get(digest) === true;
    const group = groupOf(address);
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

/** How many failures an address had left, and when. */
type Bucket = { readonly left: number; readonly at: Micros };
