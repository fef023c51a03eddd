/** The thread that runs long reads, so that the calling thread does not wait for them. */

import { workerData } from "node:worker_threads";
import type { SearchStatement } from "../../search/search-sql.ts";
import { connect, maxBusyMs } from "../database.ts";
import { assertInPlace, type Place } from "../file/place.ts";
import { runStatement } from "../statement.ts";
import { answerRequests } from "./answer-requests.ts";

/** What the thread is started with. */
export type ReaderData = { readonly file: string; readonly place: Place };

const { file, place }: ReaderData = workerData;
let db: ReturnType<typeof connect> | undefined;

answerRequests(
  (statement: SearchStatement) => {
    db ??= open();
    return runStatement(db, statement);
  },
  () => db?.close(),
);

/** The file may have been replaced since the database was opened. */
function open() {
  assertInPlace(place);
  return connect(file, maxBusyMs);
}
