/**
 * The thread that reads what takes long, so that nobody else waits for it. One statement at a time:
 * gets a SearchStatement, answers with a ReaderReply. "close" closes the connection and ends it.
 */

import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { StoreUnavailableError } from "../../event-store.ts";
import type { SearchStatement } from "../../search/search-sql.ts";
import { connect, maxBusyMs } from "../database.ts";
import { assertInPlace, type Place } from "../file/place.ts";
import { storeErrorFrom } from "../sqlite-error.ts";

/** What the thread is started with. */
export type ReaderData = { readonly file: string; readonly place: Place };

export type ReaderRequest = SearchStatement | "close";

/** Errors lose their class between threads. */
export type ReaderReply =
  | { readonly kind: "read"; readonly rows: Record<string, SQLOutputValue>[] }
  | { readonly kind: "unavailable" | "failed"; readonly message: string };

if (parentPort === null) throw new Error("reader.ts runs in a worker thread");
const port = parentPort;
const { file, place }: ReaderData = workerData;
let db: ReturnType<typeof connect> | undefined;

port.on("message", (request: ReaderRequest) => {
  if (request === "close") {
    db?.close();
    port.close();
    return;
  }
  port.postMessage(answer(request));
});

/** By now the path may lead to another file. */
function open() {
  assertInPlace(place);
  return connect(file, maxBusyMs);
}

function answer({ text, values }: SearchStatement): ReaderReply {
  try {
    db ??= open();
    return { kind: "read", rows: db.prepare(text).all(...(values as SQLInputValue[])) };
  } catch (thrown) {
    const error = storeErrorFrom(thrown);
    const message = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof StoreUnavailableError ? "unavailable" : "failed", message };
  }
}
