/** The thread that runs long reads, so that the calling thread does not wait for them. */

import { workerData } from "node:worker_threads";
import { connect, maxBusyMs } from "../database.ts";
import { assertInPlace } from "../file/place.ts";
import { runStatement } from "../statement.ts";
import { answerRequests } from "./answer-requests.ts";
import { awaitedFunction, type NumberedRead, type ReaderData } from "./reads.ts";

const { file, place, left }: ReaderData = workerData;
const numberLeft = new Int32Array(left);
let db: ReturnType<typeof connect> | undefined;
let running = 0;

answerRequests(
  ({ number, statement }: NumberedRead) => {
    db ??= open();
    running = number;
    return runStatement(db, statement);
  },
  () => db?.close(),
);

/** The file may have been replaced since the database was opened. */
function open() {
  assertInPlace(place);
  const connection = connect(file, maxBusyMs);
  connection.function(awaitedFunction, isAwaited);
  return connection;
}

function isAwaited(): number {
  if (Atomics.load(numberLeft, 0) === running) throw new Error("nobody waits for this read");
  return 1;
}
