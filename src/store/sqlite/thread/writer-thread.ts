import type { AppendResult } from "../../change/append.ts";
import { type BatchItem, resultsInOrder } from "../../change/batch/batch-item.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../../event-store.ts";
import type { Bulk } from "../bulk/bulk-writer.ts";
import type { Place } from "../file/place.ts";
import { SyncFailedError } from "../sqlite-error.ts";
import { createThread, ThreadDiedError } from "./thread.ts";
import type { Batch, WriterData, Written } from "./writer.ts";

/** Writes batches in a thread of its own. */
export type WriterThread = {
  /** One batch at a time. */
  write(items: readonly BatchItem[]): Promise<AppendResult[]>;
  /**
   * Write a batch of a transfer, which must not be used any more.
   *
   * @returns For each stream, what became of its first row.
   */
  writeBulk(bulk: Bulk): Promise<AppendResult[]>;
  /** Whether no other process has written so far, as a bulk writer found after its last batch. */
  isAlone(): boolean;
  /** Ends the thread. */
  close(): Promise<void>;
};

/** How a writer looks up what of a batch is in the database. */
export type ResultOf = (item: BatchItem) => AppendResult | undefined;

/**
 * Write batches in a thread, which starts at once and again after it has died.
 *
 * If it dies with a batch, `resultOf` tells what is stored. The rest is reported as "conflict", which means "not
 * stored, decide again". But if nothing is stored and the thread died of an error of its
 * own, the error would come again, so the batch rejects with StoreUnavailableError.
 *
 * After SyncFailedError it writes nothing more, and all further batches reject with StoreUnavailableError.
 *
 * @param options.resultOf Default: nothing is looked up, and the batch rejects with OutcomeUnknownError.
 * @param options.onSyncFailure Called once, before the batch rejects with SyncFailedError.
 * @param options.isBulk Batches have thousands of rows; see `createGiveWay`.
 */
export function createWriterThread(
  { file, place }: { readonly file: string; readonly place: Place },
  options: {
    readonly resultOf?: ResultOf;
    readonly onSyncFailure?: ((error: Error) => void) | undefined;
    readonly isBulk?: boolean;
  },
): WriterThread {
  const { resultOf, onSyncFailure, isBulk = false } = options;
  const data: WriterData = { file, place, isBulk };
  const thread = createThread<Batch, Written>(new URL("./writer.ts", import.meta.url), data);
  thread.start();
  let isAlone = true;
  let syncFailure: SyncFailedError | undefined;

  async function run(batch: Batch, moved?: ArrayBuffer[]): Promise<Written> {
    if (syncFailure !== undefined) {
      const cause = syncFailure;
      throw new StoreUnavailableError("the disk failed, so nothing more is written", { cause });
    }
    try {
      return await thread.run(batch, moved);
    } catch (error) {
      if (error instanceof SyncFailedError) {
        syncFailure = error;
        onSyncFailure?.(error);
      }
      throw error;
    }
  }

  return {
    async write(items) {
      try {
        return (await run({ items, bulk: undefined })).results;
      } catch (error) {
        if (!(error instanceof ThreadDiedError)) throw error;
        return resultsAfterDeath(items, error.cause, resultOf);
      }
    },
    async writeBulk(bulk) {
      try {
        const moved = bulk.parts.map(({ buffer }) => buffer);
        const written = await run({ items: [], bulk }, moved);
        isAlone = written.isAlone;
        return written.results;
      } catch (error) {
        if (!(error instanceof ThreadDiedError)) throw error;
        return resultsAfterDeath([], error.cause, undefined);
      }
    },
    isAlone: () => isAlone,
    close: thread.close,
  };
}

function resultsAfterDeath(
  items: readonly BatchItem[],
  cause: unknown,
  resultOf: ResultOf | undefined,
): AppendResult[] {
  if (resultOf === undefined) throw new OutcomeUnknownError("the writer died", { cause });
  let results: AppendResult[];
  try {
    const found = items.map((item) => [item, resultOf(item) ?? "conflict"] as const);
    results = resultsInOrder(items, new Map(found));
  } catch (error) {
    throw new OutcomeUnknownError("the writer died and its work cannot be looked up", {
      cause: error,
    });
  }
  if (cause === undefined || results.includes("appended")) return results;
  throw new StoreUnavailableError("the writer failed", { cause });
}
