import type { StoredEvent } from "./events.ts";

/** An event among the events of all streams. */
export type FeedEvent = StoredEvent & {
  /** Greater than that of every event that could be read before, and never that of another event. */
  readonly position: number;
  readonly stream: string;
  readonly organization: string;
};

/** Events of one page. */
export const maxFeedEvents = 1_000;
/** Data of one page. The event that reaches it is the last one. */
export const maxFeedBytes = 1024 * 1024;

/**
 * Reads the events of all streams, whoever stored them.
 *
 * Whoever reads page after page, each behind the last position of the one before, gets every event once, also while
 * others write. The events of one stream come in the order of their versions. Of an erased stream, events have no
 * data.
 */
export interface Feed {
  /**
   * @param after A position, or 0 for the beginning.
   * @param limit At most `maxFeedEvents`.
   * @returns The next events, in the order of their positions; none if there are no further events now. Positions may
   *   have gaps.
   * @throws StoreUnavailableError if the database cannot be read.
   */
  read(after: number, limit: number): Promise<readonly FeedEvent[]>;
  /** Releases the file and the connections. */
  close(): Promise<void>;
}
