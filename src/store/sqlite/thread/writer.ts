/**
 * The thread that writes, so that no fsync stalls the sockets. One batch at a time: gets rows,
 * answers with a WriterReply. "close" closes the connection and ends the thread.
 */

import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../../event-store.ts";
import { OvertakenError } from "../../transfer.ts";
import { type Bulk, createBatchWriter } from "../append-batch.ts";
import { connect, maxBusyMs } from "../database.ts";
import { assertInPlace, type Place } from "../file/place.ts";
import { isBusy, storeErrorFrom } from "../sqlite-error.ts";
import { createGiveWay } from "./give-way.ts";

/** What the thread is started with. */
export type WriterData = {
  readonly file: string;
  readonly place: Place;
  readonly isBulk: boolean;
};

export type WriterRequest = Batch | "close";

/** What one transaction writes. */
export type Batch = {
  readonly rows: readonly AppendRow[];
  /** Of a transfer. */
  readonly bulk: Bulk | undefined;
};

/** Errors lose their class between threads. */
export type WriterReply =
  | { readonly kind: "written"; readonly results: AppendResult[]; readonly isAlone: boolean }
  | { readonly kind: "unavailable" | "unknown" | "overtaken" | "failed"; readonly message: string };

if (parentPort === null) throw new Error("writer.ts runs in a worker thread");
const port = parentPort;
const { file, place, isBulk }: WriterData = workerData;
let opened: ReturnType<typeof open> | undefined;

port.on("message", async (request: WriterRequest) => {
  if (request === "close") {
    opened?.db.close();
    port.close();
    return;
  }
  try {
    const results = await write(request);
    const isAlone = opened?.giveWay?.isAlone() ?? true;
    port.postMessage({ kind: "written", results, isAlone } satisfies WriterReply);
  } catch (error) {
    port.postMessage(replyFromError(error));
  }
});

function open() {
  const db = connect(file, 0);
  const giveWay = isBulk ? createGiveWay(db) : undefined;
  return { db, giveWay, writeBatch: createBatchWriter(db) };
}

/** Streams whose keys a transfer sorts together, while nobody else writes; who begins to waits a second. */
const aloneUnsorted = 100_000;

/** Other processes write too. SQLite's own waiting is unfair to whoever waits long: pauses to 100 ms. */
async function write({ rows, bulk }: Batch): Promise<AppendResult[]> {
  const longestPauseMs = 16;
  assertInPlace(place);
  await opened?.giveWay?.pause();
  let waitedMs = 0;
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      opened ??= open();
      const maxUnsorted = opened.giveWay?.isAlone() ? aloneUnsorted : 0;
      const results = opened.writeBatch(rows, bulk && { ...bulk, maxUnsorted });
      assertStillInPlace();
      return results;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= maxBusyMs) throw error;
      const jitteredMs = pauseMs * (0.5 + Math.random());
      await pause(jitteredMs);
      waitedMs += jitteredMs;
    }
  }
}

/** Nothing is acknowledged that went to files which nobody will find. */
function assertStillInPlace(): void {
  try {
    assertInPlace(place);
  } catch (error) {
    throw new OutcomeUnknownError((error as Error).message, { cause: error });
  }
}

function replyFromError(thrown: unknown): WriterReply {
  const error = storeErrorFrom(thrown);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StoreUnavailableError) return { kind: "unavailable", message };
  if (error instanceof OutcomeUnknownError) return { kind: "unknown", message };
  if (error instanceof OvertakenError) return { kind: "overtaken", message };
  return { kind: "failed", message };
}
