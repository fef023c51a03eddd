import { StoreUnavailableError } from "../../event-store.ts";
import type { SearchStatement } from "../../search/search-sql.ts";
import type { Row } from "../../sql/rows.ts";
import type { NumberedRead, ReaderData } from "./reads.ts";
import { createThread, ThreadDiedError } from "./thread.ts";

/** Runs reads in a thread of their own. */
export type ReaderThread = {
  /**
   * One statement at a time.
   *
   * @param signal If it is aborted, a statement that asks `awaitedFunction` ends, and this rejects with the signal's
   *   reason.
   * @throws StoreUnavailableError if the database cannot be read, or the thread has died.
   */
  read(statement: SearchStatement, signal?: AbortSignal): Promise<Row[]>;
  /** Ends the thread. */
  close(): Promise<void>;
};

/** Of a whole number of 32 bits. */
const largestNumber = 2 ** 31 - 1;

/** The thread starts when it is first needed, and again after it has died. */
export function createReaderThread(place: Pick<ReaderData, "file" | "place">): ReaderThread {
  const left = new Int32Array(new SharedArrayBuffer(4));
  const data: ReaderData = { ...place, left: left.buffer };
  const thread = createThread<NumberedRead, Row[]>(new URL("./reader.ts", import.meta.url), data);
  let number = 0;

  /** As `ReaderThread.read`, before errors are translated. */
  async function run(statement: SearchStatement, signal: AbortSignal | undefined): Promise<Row[]> {
    number = (number + 1) % largestNumber;
    const leave = () => Atomics.store(left, 0, number);
    signal?.addEventListener("abort", leave);
    try {
      return await thread.run({ number, statement });
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  return {
    async read(statement, signal) {
      signal?.throwIfAborted();
      try {
        return await run(statement, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof ThreadDiedError)) throw error;
        throw new StoreUnavailableError("the reader died", { cause: error.cause });
      }
    },
    close: thread.close,
  };
}
