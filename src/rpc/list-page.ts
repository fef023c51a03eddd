import { ServiceError } from "../domain/errors.ts";

/** Entries of one answer of a list if the caller sets no limit. */
const defaultLimit = 100;
/** Entries of one answer at most. */
const maxLimit = 1_000;

/**
 * The offset, or the sequence, after which a list begins. No list is longer than the largest number, and every engine
 * can compare with that.
 */
export function startOf(start: bigint | undefined): number {
  return Math.min(Number(start ?? 0n), Number.MAX_SAFE_INTEGER);
}

/** The limit of a list of v1, which answers with fewer entries than were asked for if those are too many. */
export function limitOf(limit: number | undefined): number {
  return Math.min(limit || defaultLimit, maxLimit);
}

/**
 * The limit of a list of v2.
 *
 * @throws ServiceError `limitExceeded` if too many entries are asked for.
 */
export function allowedLimitOf(limit: number | undefined): number {
  if ((limit ?? 0) > maxLimit) throw new ServiceError("limitExceeded");
  return limit || defaultLimit;
}
