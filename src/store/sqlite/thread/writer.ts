/** The thread that writes, so that the calling thread, which serves the sockets, never waits for an fsync. */

import { setTimeout as pause } from "node:timers/promises";
import { workerData } from "node:worker_threads";
import type { AppendResult } from "../../change/append.ts";
import type { BatchItem } from "../../change/batch/batch-item.ts";
import { OutcomeUnknownError } from "../../event-store.ts";
import { createBatchWriter } from "../append/append-batch.ts";
import { type Bulk, createBulkWriter } from "../bulk/bulk-writer.ts";
import { connect, maxBusyMs } from "../database.ts";
import { markErased } from "../file/erased-mark.ts";
import { assertInPlace, type Place } from "../file/place.ts";
import { isBusy } from "../sqlite-error.ts";
import { answerRequests } from "./answer-requests.ts";
import { createLogEmptier } from "./empty-log.ts";
import { createGiveWay } from "./give-way.ts";

/** What the thread is started with. */
export type WriterData = {
  readonly file: string;
  readonly place: Place;
  /** Batches have thousands of rows; see `createGiveWay`. */
  readonly isBulk: boolean;
};

/** What one transaction writes. */
export type Batch = {
  readonly items: readonly BatchItem[];
  /** Of a transfer; it has no other items. */
  readonly bulk: Bulk | undefined;
};

/** What became of a batch that was written. */
export type Written = {
  /** Of the items, or of the streams of a transfer, in order. */
  readonly results: AppendResult[];
  /** Whether no other process has written so far, if the thread writes in bulk. */
  readonly isAlone: boolean;
};

/** Streams whose keys a transfer sorts together while nobody else writes. Sorting them takes a second. */
const aloneUnsorted = 100_000;
const pauseMs = { first: 1, longest: 16 };

const { file, place, isBulk }: WriterData = workerData;
let opened: ReturnType<typeof open> | undefined;

answerRequests(write, () => opened?.db.close());

function open() {
  const db = connect(file, 0);
  const giveWay = isBulk ? createGiveWay(db) : undefined;
  return {
    db,
    giveWay,
    writeBatch: createBatchWriter(db),
    // Only a transfer needs it.
    writeBulk: isBulk ? createBulkWriter(db) : undefined,
    log: createLogEmptier(db),
  };
}

/**
 * Try again while another process holds the write lock. SQLite would wait by itself, but with pauses of up
 * to 100 ms, so that a process that waits long rarely gets the lock.
 */
async function write(batch: Batch): Promise<Written> {
  assertInPlace(place);
  await opened?.giveWay?.pause();
  if (batch.items.some(isErasing)) markErased(file);
  let waitedMs = 0;
  for (let nextMs = pauseMs.first; ; nextMs = Math.min(2 * nextMs, pauseMs.longest)) {
    try {
      const written = writeOnce(batch);
      if (erases(batch, written)) await opened?.log.emptySoon();
      else opened?.log.emptyLate();
      return written;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= maxBusyMs) throw error;
      const jitteredMs = nextMs * (0.5 + Math.random());
      await pause(jitteredMs);
      waitedMs += jitteredMs;
    }
  }
}

function erases({ items }: Batch, { results }: Written): boolean {
  return items.some((item, index) => results[index] === "appended" && isErasing(item));
}

function isErasing(item: BatchItem): boolean {
  const rows = "joint" in item ? item.joint : [item];
  return rows.some((row) => "erases" in row);
}

function writeOnce({ items, bulk }: Batch): Written {
  opened ??= open();
  const { giveWay, writeBatch, writeBulk } = opened;
  const maxUnsorted = giveWay?.isAlone() ? aloneUnsorted : 0;
  const results = (bulk && writeBulk?.({ ...bulk, maxUnsorted })) ?? writeBatch(items);
  assertStillInPlace();
  return { results, isAlone: giveWay?.isAlone() ?? true };
}

/** If the files were replaced meanwhile, the batch may have gone to files that nobody will find. */
function assertStillInPlace(): void {
  try {
    assertInPlace(place);
  } catch (error) {
    throw new OutcomeUnknownError((error as Error).message, { cause: error });
  }
}
