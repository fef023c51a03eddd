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

/** Lines of one batch of an input that were rejected, to be tried again. */
export type RejectedLines = {
  readonly source: string;
  /** Lines of the input up to the end of that batch, and their digest. */
  readonly lines: number;
  readonly digest: string;
  /** From 1, ascending. */
  readonly rejected: readonly number[];
};

/** Which lines of an input a batch of streams comes from. */
export type BatchLines = {
  /** The line of each stream. */
  readonly tried: readonly number[];
  /** Lines of the batch that were rejected before they came to be streams. */
  readonly rejected: readonly number[];
} & (
  | {
      readonly kind: "next";
      /** Up to the end of this batch. */
      readonly progress: Progress;
      /** As read or written last; `undefined`: none. */
      readonly known: Progress | undefined;
      /** Whether the input is read from its beginning again, so that what was rejected does not count. */
      readonly isAnew: boolean;
    }
  | { readonly kind: "again"; readonly of: RejectedLines }
);

/** Another transfer of the same input has written meanwhile. Nothing of this batch was stored. */
export class OvertakenError extends Error {
  override readonly name = "OvertakenError";

  constructor() {
    super("another import of the same input has written meanwhile");
  }
}

/** A stream that is to be, with all it begins with. */
export type NewStream = {
  readonly stream: string;
  readonly organization: string;
  /** At least one. Only the first may set unique keys. */
  readonly decisions: readonly Decision<unknown>[];
};

/** What became of a new stream. It is stored wholly, or not at all. */
export type NewStreamOutcome =
  | "stored"
  /** There is a stream with this id. */
  | "exists"
  /** Another stream holds one of its unique keys. */
  | "unique-key-taken";

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
   * Write new streams, the progress and which lines were rejected in one transaction; durable once
   * resolved. One call at a time.
   *
   * @returns The outcome of each, in order. Of two in one batch that are in each other's way, the first
   *   is stored.
   * @throws OvertakenError if another transfer has moved the progress, or tried the rejected lines.
   * @throws StoreUnavailableError if the database cannot be written; nothing was stored.
   * @throws OutcomeUnknownError if the database failed in a way that leaves the outcome open: the
   *   progress tells.
   */
  write(streams: readonly NewStream[], lines: BatchLines): Promise<NewStreamOutcome[]>;

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

  /** The first batch of the input with rejected lines that ended behind a line; `undefined`: none. */
  rejected(source: string, behind: number): Promise<RejectedLines | undefined>;

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
