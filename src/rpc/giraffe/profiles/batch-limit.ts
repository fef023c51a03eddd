import { ServiceError } from "../../../domain/errors.ts";

/** Batches of one caller at once: while one is stored, the next one may be read. */
export const maxBatchesEach = 2;
/** Batches of all callers at once. Each holds its request, and the heads of its users: 2 MB, if all have long names. */
export const maxBatches = 16;

/**
 * Runs one batch, if there is room for it.
 *
 * @throws ServiceError `tooManyBatches`, and what the work throws.
 */
export type BatchLimit = <Result>(caller: string, work: () => Promise<Result>) => Promise<Result>;

/** Batches are large, so few run at once, and no caller fills all places. */
export function createBatchLimit(): BatchLimit {
  const running = new Map<string, number>();
  let inAll = 0;
  return async (caller, work) => {
    const own = running.get(caller) ?? 0;
    if (own >= maxBatchesEach || inAll >= maxBatches) throw new ServiceError("tooManyBatches");
    running.set(caller, own + 1);
    inAll += 1;
    try {
      return await work();
    } finally {
      inAll -= 1;
      const left = (running.get(caller) ?? 1) - 1;
      if (left === 0) running.delete(caller);
      else running.set(caller, left);
    }
  };
}
