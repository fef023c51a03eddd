/**
 * The thread that reads what takes long, so that nobody else waits for it. One statement at a time:
 * gets a SearchStatement, answers with a ReaderReply. "close" closes the connection and ends it.
 */

import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { StoreUnavailableError } from "../event-store.ts";
import type { SearchStatement } from "../search-sql.ts";
import { connect, maxBusyMs } from "./database.ts";
import { storeErrorFrom } from "./sqlite-error.ts";

export type ReaderRequest = SearchStatement | "close";

/** Errors lose their class between threads. */
export type ReaderReply =
  | { readonly kind: "read"; readonly rows: Record<string, SQLOutputValue>[] }
  | { readonly kind: "unavailable" | "failed"; readonly message: string };

if (parentPort === null) throw new Error("reader.ts runs in a worker thread");
const port = parentPort;
let db: ReturnType<typeof connect> | undefined;

port.on("message", (request: ReaderRequest) => {
  if (request === "close") {
    db?.close();
    port.close();
    return;
  }
  port.postMessage(answer(request));
});

function answer({ text, values }: SearchStatement): ReaderReply {
  try {
    db ??= connect(workerData.file, maxBusyMs);
    return { kind: "read", rows: db.prepare(text).all(...(values as SQLInputValue[])) };
  } catch (thrown) {
    const error = storeErrorFrom(thrown);
    const message = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof StoreUnavailableError ? "unavailable" : "failed", message };
  }
}
