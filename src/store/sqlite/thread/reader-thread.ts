import { StoreUnavailableError } from "../../event-store.ts";
import type { SearchStatement } from "../../search/search-sql.ts";
import type { Row } from "../../sql/rows.ts";
import type { ReaderData } from "./reader.ts";
import { createThread, ThreadDiedError } from "./thread.ts";

/** Runs reads in a thread of their own. */
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

/** The thread starts when it is first needed, and again after it has died. */
export function createReaderThread(data: ReaderData): ReaderThread {
  const thread = createThread<SearchStatement, Row[]>(
    new URL("./reader.ts", import.meta.url),
    data,
  );
  return {
    async read(statement) {
      try {
        return await thread.run(statement);
      } catch (error) {
        if (!(error instanceof ThreadDiedError)) throw error;
        throw new StoreUnavailableError("the reader died", { cause: error.cause });
      }
    },
    close: thread.close,
  };
}
