import { Worker } from "node:worker_threads";
import { StoreUnavailableError } from "../../event-store.ts";
import type { SearchStatement } from "../../search/search-sql.ts";
import type { Row } from "../../sql/rows.ts";
import type { ReaderData, ReaderReply, ReaderRequest } from "./reader.ts";
import { threadEntry } from "./thread-entry.ts";

export type ReaderThread = {
  /**
   * One statement at a time.
   *
   * @throws StoreUnavailableError if the database cannot be read, or the thread has died.
   */
  read(statement: SearchStatement): Promise<Row[]>;
  /** Ends the thread. */
  close(): Promise<void>;
};

/** Read in a thread, which starts when it is first needed, and again after it has died. */
export function createReaderThread(data: ReaderData): ReaderThread {
  let reading: PromiseWithResolvers<Row[]> | undefined;
  let thread: Worker | undefined;

  function start(): Worker {
    const worker = new Worker(threadEntry(new URL("./reader.ts", import.meta.url)), {
      eval: true,
      workerData: data,
    });
    let failure: unknown;
    worker.on("message", (reply: ReaderReply) => {
      const answered = reading;
      reading = undefined;
      if (reply.kind === "read") answered?.resolve(reply.rows);
      else if (reply.kind === "failed") answered?.reject(new Error(reply.message));
      else answered?.reject(new StoreUnavailableError(reply.message));
    });
    worker.on("error", (error) => {
      failure = error;
    });
    worker.on("exit", () => {
      thread = undefined;
      reading?.reject(new StoreUnavailableError("the reader died", { cause: failure }));
      reading = undefined;
    });
    return worker;
  }

  return {
    read(statement) {
      reading = Promise.withResolvers<Row[]>();
      thread ??= start();
      thread.postMessage(statement satisfies ReaderRequest);
      return reading.promise;
    },

    close() {
      return new Promise((resolve) => {
        if (thread === undefined) return resolve();
        thread.once("exit", () => resolve());
        thread.postMessage("close" satisfies ReaderRequest);
      });
    },
  };
}
