import { deflateRawSync, inflateRawSync } from "node:zlib";
import { ServiceError } from "../../../domain/errors.ts";
import type { Outcome } from "../../repeats/outcome.ts";
import type { Result } from "./results.ts";

/** A result that is kept. */
export type KeptResult =
  | Extract<Result, { kind: "done" }>
  | (Extract<Outcome, { kind: "refused" }> & {
      /** As in `Result`. */
      readonly organization?: string;
    });

/** What is kept of a batch under its key, whichever way the batch was stored. */
export type KeptBatch = {
  /** Digest of the request. */
  readonly request: string;
  /** None if each update is stored by itself: then its result is kept with it. */
  readonly results: readonly KeptResult[];
};

/**
 * A batch as it is kept. Results are much alike, so they are compressed: those of 1,000 users take 180 kB without, and a
 * caller may have a million keys.
 */
export function bytesFromBatch(batch: KeptBatch): Uint8Array {
  return new Uint8Array(deflateRawSync(JSON.stringify(batch), { level: 1 }));
}

/** @throws ServiceError `idempotencyKeyReused` if another request was kept. */
export function batchFromBytes(kept: Uint8Array, request: string): KeptBatch {
  const batch: KeptBatch = JSON.parse(inflateRawSync(kept).toString());
  if (batch.request !== request) throw new ServiceError("idempotencyKeyReused");
  return batch;
}
