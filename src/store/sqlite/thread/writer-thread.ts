import { Worker } from "node:worker_threads";
import type { AppendResult } from "../../change/append.ts";
import type { AppendRow } from "../../change/append-row.ts";
import { OutcomeUnknownError, StoreUnavailableError } from "../../event-store.ts";
import { OvertakenError } from "../../transfer.ts";
import type { Bulk } from "../append-batch.ts";
import type { Place } from "../file/place.ts";
import { threadEntry } from "./thread-entry.ts";
import type { WriterData, WriterReply, WriterRequest } from "./writer.ts";

export type WriterThread = {
  /** One batch at a time. */
  write(rows: readonly AppendRow[], bulk?: Bulk): Promise<AppendResult[]>;
  /** Whether no other process has written so far, as a bulk writer found after its last batch. */
  isAlone(): boolean;
  /** Ends the thread. */
  close(): Promise<void>;
};

/**
 * Write batches in a thread, which starts at once and again after it has died.
 *
 * When it dies with a batch, what it has stored is looked up: the rest is reported as "conflict",
 * that is "not stored, decide again". Only if it stored nothing and died of an error of its own,
 * which would come again, the batch rejects with StoreUnavailableError.
 *
 * @param options.isStored Whether the row's event is in the database. Without it nothing is looked up:
 *   the batch rejects with OutcomeUnknownError.
 * @param options.isBulk Batches have thousands of rows; see `createGiveWay`.
 */
export function createWriterThread(
  { file, place }: { readonly file: string; readonly place: Place },
  options: { readonly isStored?: (row: AppendRow) => boolean; readonly isBulk?: boolean },
): WriterThread {
  const { isStored, isBulk = false } = options;
  let batch: { rows: readonly AppendRow[]; done: PromiseWithResolvers<AppendResult[]> } | undefined;
  let isAlone = true;
  let thread: Worker | undefined = start();

  function start(): Worker {
    const worker = new Worker(threadEntry(new URL("./writer.ts", import.meta.url)), {
      eval: true,
      workerData: { file, place, isBulk } satisfies WriterData,
    });
    let failure: unknown;
    worker.on("message", (reply: WriterReply) => {
      const answered = batch;
      batch = undefined;
      if (reply.kind === "written") {
        isAlone = reply.isAlone;
        answered?.done.resolve(reply.results);
      } else answered?.done.reject(errorFromReply(reply));
    });
    worker.on("error", (error) => {
      failure = error;
    });
    worker.on("exit", () => {
      thread = undefined;
      const left = batch;
      batch = undefined;
      if (left === undefined) return;
      try {
        left.done.resolve(resultsAfterDeath(left.rows, failure));
      } catch (error) {
        left.done.reject(error);
      }
    });
    return worker;
  }

  function resultsAfterDeath(rows: readonly AppendRow[], cause: unknown): AppendResult[] {
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

  return {
    write(rows, bulk) {
      const done = Promise.withResolvers<AppendResult[]>();
      batch = { rows, done };
      thread ??= start();
      thread.postMessage({ rows, bulk } satisfies WriterRequest);
      return done.promise;
    },

    isAlone: () => isAlone,

    close() {
      return new Promise((resolve) => {
        if (thread === undefined) return resolve();
        thread.once("exit", () => resolve());
        thread.postMessage("close" satisfies WriterRequest);
      });
    },
  };
}

function errorFromReply({ kind, message }: Exclude<WriterReply, { kind: "written" }>): Error {
  switch (kind) {
    case "unavailable":
      return new StoreUnavailableError(message);
    case "unknown":
      return new OutcomeUnknownError(message);
    case "overtaken":
      return new OvertakenError();
    case "failed":
      return new Error(message);
  }
}
