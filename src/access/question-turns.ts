import { ServiceError } from "../domain/errors.ts";

/**
 * Questions in flight for one address beyond its allowance. Few, because somebody who guesses tokens
 * can make us ask this many at once. Enough, because at 10 ms per answer they are 400 a second: a new
 * and valid token among the guesses does not wait long.
 */
const maxBeyondAllowance = 4;
/** Of all addresses. The breaker allows 256: the rest is for tokens that were accepted before. */
const maxInFlight = 192;
/** For one address, and for all. Each is a waiting call and takes some kilobytes. */
const maxWaiting = 1_024;
const maxWaitingInAll = 8_192;

/** How many guesses each address may still make. */
export type Allowance = {
  /** Take one. @returns False if none is left. */
  take(address: string): boolean;
  giveBack(address: string): void;
};

/** The right to ask one question, until `end`. */
export type Turn = {
  /** Whether a guess of the address was reserved for the question. */
  readonly isReserved: boolean;
  /** @param isGuess The token was wrong, so the reserved guess is not given back. */
  end(isGuess: boolean): void;
};

/** The questions of one address that are in flight and waiting. */
type AddressState = {
  beyond: number;
  inFlight: number;
  readonly waiting: ((turn: Turn) => void)[];
};

/**
 * Decide when to ask about a token that was not accepted before.
 *
 * A guess is reserved before the question, and given back if the token turns out to be valid. An
 * address whose guesses are all reserved or spent is not refused, because one of its tokens may be
 * valid: its questions wait, and at most four are in flight. Addresses take turns.
 *
 * @returns Waits for a turn. Throws ServiceError `tooManyFailedAuthentications` if 1,024 questions of
 *   the address wait already, or 8,192 in all.
 */
export function createQuestionTurns(allowance: Allowance): (address: string) => Promise<Turn> {
  /** Of addresses that have questions in flight or waiting. */
  const states = new Map<string, AddressState>();
  /** Of addresses that have questions waiting, in the order of their turns. */
  const queue = new Map<string, AddressState>();
  let inFlight = 0;
  let waiting = 0;

  /** @returns `undefined` if the address has to wait. */
  const begin = (address: string, state: AddressState): Turn | undefined => {
    if (inFlight >= maxInFlight) return undefined;
    const isReserved = allowance.take(address);
    if (!isReserved && state.beyond >= maxBeyondAllowance) return undefined;
    const beyond = isReserved ? 0 : 1;
    inFlight += 1;
    state.inFlight += 1;
    state.beyond += beyond;
    return {
      isReserved,
      end(isGuess) {
        const wasFull = inFlight >= maxInFlight;
        inFlight -= 1;
        state.inFlight -= 1;
        state.beyond -= beyond;
        if (isReserved && !isGuess) allowance.giveBack(address);
        if (wasFull) beginSome();
        else beginNext(address);
        if (state.inFlight === 0 && state.waiting.length === 0) states.delete(address);
      },
    };
  };

  /** Moves the address to the end of the queue, so a loop over the queue reaches it again. */
  const beginNext = (address: string): void => {
    const state = queue.get(address);
    const turn = state && begin(address, state);
    if (state === undefined || turn === undefined) return;
    const resolve = state.waiting.shift();
    waiting -= 1;
    queue.delete(address);
    if (state.waiting.length > 0) queue.set(address, state);
    resolve?.(turn);
  };

  const beginSome = (): void => {
    for (const address of queue.keys()) {
      if (inFlight >= maxInFlight) return;
      beginNext(address);
    }
  };

  return async (address) => {
    const state = states.get(address) ?? { beyond: 0, inFlight: 0, waiting: [] };
    states.set(address, state);
    const turn = state.waiting.length === 0 ? begin(address, state) : undefined;
    if (turn !== undefined) return turn;
    if (state.waiting.length >= maxWaiting || waiting >= maxWaitingInAll) {
      if (state.inFlight === 0 && state.waiting.length === 0) states.delete(address);
      throw new ServiceError("tooManyFailedAuthentications");
    }
    waiting += 1;
    queue.set(address, state);
    return new Promise((resolve) => state.waiting.push(resolve));
  };
}
