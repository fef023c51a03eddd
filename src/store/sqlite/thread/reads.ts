import type { SearchStatement } from "../../search/search-sql.ts";
import type { Place } from "../file/place.ts";

/** What the thread that reads is started with. */
export type ReaderData = {
  readonly file: string;
  readonly place: Place;
  /** Holds, as a whole number of 32 bits, the number of the last read that nobody waits for any more. */
  readonly left: SharedArrayBuffer;
};

/** A read, with a number of its own. */
export type NumberedRead = { readonly number: number; readonly statement: SearchStatement };

/** A function for statements of this thread: it ends the statement with an error if its caller has left. */
export const awaitedFunction = "is_awaited";
