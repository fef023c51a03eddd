import type { Decision, Head } from "./event-store.ts";

/** How far an input has been written. Kept in the transaction of the streams it counts. */
export type Progress = {
  /** Names the input. */
  readonly source: string;
  /** Lines of the input that are done, those included that were refused. */
  readonly lines: number;
  /** Of those lines, to tell whether it is still the same input. */
  readonly digest: string;
};

/** A stream that is to be, with all it begins with. */
export type NewStream = {
  readonly stream: string;
  readonly organization: string;
  /** At least one. Only the first may claim names. */
  readonly decisions: readonly Decision<unknown>[];
};

/** What became of a new stream. It is stored wholly, or not at all. */
export type Fate =
  | "stored"
  /** There is a stream with this id. */
  | "exists"
  /** Another stream holds a claimed name. */
  | "claim-taken";

export type HeadRange = {
  readonly after: string;
  readonly limit: number;
  readonly organization: string | undefined;
};

export type HeadPage<State> = {
  readonly heads: readonly { readonly stream: string; readonly head: Head<State> }[];
  /** Behind which id the next page begins; `undefined`: this was the last one. */
  readonly next: string | undefined;
};

/** Streams by the thousand, in and out. */
export interface Transfer {
  /**
   * Write new streams and the progress in one transaction; durable once resolved. One call at a time.
   *
   * @returns The fate of each, in order. Of two in one batch that are in each other's way, the first
   *   is stored.
   * @throws StoreUnavailableError if the database cannot be written; nothing was stored.
   * @throws OutcomeUnknownError if the database failed in a way that leaves the outcome open: the
   *   progress tells.
   */
  write(streams: readonly NewStream[], progress: Progress): Promise<Fate[]>;

  /**
   * Let searches find all that was written, by whatever transfer; until then they may not.
   *
   * @throws As `write` does; to be called again.
   */
  complete(): Promise<void>;

  /** How many streams the next batch should have; more would keep others from writing for long. */
  batchSize(): number;

  /** As written last for this source. */
  progress(source: string): Promise<Progress | undefined>;

  /**
   * Heads in the order of their streams' ids, page by page. A page is read in one short transaction,
   * however few of its heads are of the organization.
   *
   * @param range.after Only ids behind this one; `""` for all.
   * @param range.limit Heads to look at.
   * @param range.organization Default: every organization.
   */
  heads<State>(range: HeadRange): Promise<HeadPage<State>>;

  close(): Promise<void>;
}
