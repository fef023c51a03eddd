import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../../event-store.ts";
import type { Bulk } from "../append-batch.ts";
import type { Place } from "../file/place.ts";
import { createThread, ThreadDiedError } from "./thread.ts";
import type { Batch, WriterData, Written } from "./writer.ts";

/** Writes batches in a thread of its own. */
export type WriterThread = {
  /** One batch at a time. */
  write(rows: readonly AppendRow[], bulk?: Bulk): Promise<AppendResult[]>;
  /** Whether no other process has written so far, as a bulk writer found after its last batch. */
  isAlone(): boolean;
  /** Ends the thread. */
  close(): Promise<void>;
};

/** How a writer looks up whether a row's event is in the database. */
export type IsStored = (row: AppendRow) => boolean;

/**
 * Write batches in a thread, which starts at once and again after it has died.
 *
 * If it dies with a batch, `isStored` tells which rows are stored. The others are reported as "conflict",
 * which means "not stored, decide again". But if nothing is stored and the thread died of an error of its
 * own, the error would come again, so the batch rejects with StoreUnavailableError.
 *
 * @param options.isStored Default: nothing is looked up, and the batch rejects with OutcomeUnknownError.
 * @param options.isBulk Batches have thousands of rows; see `createGiveWay`.
 */
export function createWriterThread(
  { file, place }: { readonly file: string; readonly place: Place },
  options: { readonly isStored?: IsStored; readonly isBulk?: boolean },
): WriterThread {
  const { isStored, isBulk = false } = options;
  const data: WriterData = { file, place, isBulk };
  const thread = createThread<Batch, Written>(new URL("./writer.ts", import.meta.url), data);
  thread.start();
  let isAlone = true;

  return {
    async write(rows, bulk) {
      try {
        const written = await thread.run({ rows, bulk });
        isAlone = written.isAlone;
        return written.results;
      } catch (error) {
        if (!(error instanceof ThreadDiedError)) throw error;
        return resultsAfterDeath(rows, error.cause, isStored);
      }
    },
    isAlone: () => isAlone,
    close: thread.close,
  };
}

function resultsAfterDeath(
  rows: readonly AppendRow[],
  cause: unknown,
  isStored: IsStored | undefined,
): AppendResult[] {
  if (isStored === undefined) throw new OutcomeUnknownError("the writer died", { cause });
  let results: AppendResult[];
  try {
    results = rows.map((row) => (isStored(row) ? "appended" : "conflict"));
  } catch (error) {
    throw new OutcomeUnknownError("the writer died and its work cannot be looked up", {
      cause: error,
    });
  }
  if (cause === undefined || results.includes("appended")) return results;
  throw new StoreUnavailableError("the writer failed", { cause });
}
