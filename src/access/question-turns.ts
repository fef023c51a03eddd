import { ServiceError } from "../domain/errors.ts";

/**
 * Questions that are under way for one address beyond its allowance. Few, because they are what
 * somebody who guesses can make us ask; at 10 ms an answer they are 400 a second, so that a new and
 * valid token among the guesses soon has its turn.
 */
const maxBeyondAllowance = 4;
/** Of all addresses. The breaker lets 256 through: the rest is for tokens that were accepted before. */
const maxUnderWay = 192;
/** For one address, and for all. Each is a call that waits: some kilobytes. */
const maxWaiting = 1_024;
const maxWaitingInAll = 8_192;

/** How many guesses each address may still make. */
export type Allowance = {
  /** Take one. @returns Whether there was one. */
  take(address: string): boolean;
  giveBack(address: string): void;
};

/** The right to ask one question, until `end`. */
export type Turn = {
  /** Whether one guess of the address was reserved for it. */
  readonly isReserved: boolean;
  /** @param isGuess The token was wrong: what was reserved stays spent. */
  end(isGuess: boolean): void;
};

/** What one address has under way and waiting. */
type Line = { beyond: number; underWay: number; readonly waiting: ((turn: Turn) => void)[] };

/**
 * Decide when a question about a token may be asked that nobody has been let in with.
 *
 * A guess is reserved for it before, and given back when the token turns out to be valid. An address
 * whose guesses are all reserved or spent is not refused, because a valid token may be among those it
 * brings: its questions wait, and are asked four at a time. Addresses take turns.
 *
 * @returns Waits for a turn. Throws ServiceError `tooManyFailedAuthentications` if 1,024 questions of
 *   the address wait already, or 8,192 in all.
 */
export function createQuestionTurns(allowance: Allowance): (address: string) => Promise<Turn> {
  /** Of addresses that have something under way or waiting. */
  const lines = new Map<string, Line>();
  /** Of addresses that have something waiting, in the order of their turns. */
  const queue = new Map<string, Line>();
  let underWay = 0;
  let waiting = 0;

  /** `undefined` if it cannot begin now. */
  const begin = (address: string, line: Line): Turn | undefined => {
    if (underWay >= maxUnderWay) return undefined;
    const isReserved = allowance.take(address);
    if (!isReserved && line.beyond >= maxBeyondAllowance) return undefined;
    const beyond = isReserved ? 0 : 1;
    underWay += 1;
    line.underWay += 1;
    line.beyond += beyond;
    return {
      isReserved,
      end(isGuess) {
        const wasFull = underWay >= maxUnderWay;
        underWay -= 1;
        line.underWay -= 1;
        line.beyond -= beyond;
        if (isReserved && !isGuess) allowance.giveBack(address);
        if (wasFull) beginSome();
        else beginNext(address);
        if (line.underWay === 0 && line.waiting.length === 0) lines.delete(address);
      },
    };
  };

  /** The address goes to the end of the queue, so a loop over the queue comes back to it. */
  const beginNext = (address: string): void => {
    const line = queue.get(address);
    const turn = line && begin(address, line);
    if (line === undefined || turn === undefined) return;
    const resolve = line.waiting.shift();
    waiting -= 1;
    queue.delete(address);
    if (line.waiting.length > 0) queue.set(address, line);
    resolve?.(turn);
  };

  const beginSome = (): void => {
    for (const address of queue.keys()) {
      if (underWay >= maxUnderWay) return;
      beginNext(address);
    }
  };

  return async (address) => {
    const line = lines.get(address) ?? { beyond: 0, underWay: 0, waiting: [] };
    lines.set(address, line);
    const turn = line.waiting.length === 0 ? begin(address, line) : undefined;
    if (turn !== undefined) return turn;
    if (line.waiting.length >= maxWaiting || waiting >= maxWaitingInAll) {
      if (line.underWay === 0 && line.waiting.length === 0) lines.delete(address);
      throw new ServiceError("tooManyFailedAuthentications");
    }
    waiting += 1;
    queue.set(address, line);
    return new Promise((resolve) => line.waiting.push(resolve));
  };
}
