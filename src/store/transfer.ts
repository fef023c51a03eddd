import type { Attribute } from "./attributes.ts";
import type { Decision, Head, Micros } from "./event-store.ts";

/** How far an input has been written. Kept in the transaction of the streams it counts. */
export type Progress = {
  /** Names the input. */
  readonly source: string;
  /** Lines of the input that are done, those included that were refused. */
  readonly lines: number;
  /** Of those lines, to find out whether the input is still the same. */
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

/** Another import of the same input wrote first. Nothing of this batch was stored. */
export class OvertakenError extends Error {
  override readonly name = "OvertakenError";

  constructor() {
    super("another import of the same input has written meanwhile");
  }
}

/** A stream to be created, with its first changes, or one to be continued. */
export type NewStream = {
  readonly stream: string;
  readonly organization: string;
  /**
   * At least one, each with at least one event, unless it has a past: its head may have come further without one
   * that is kept. Only the first may set unique keys.
   */
  readonly decisions: readonly Decision<unknown>[];
  /** The latest change of a stream that is continued. Default: the stream must not exist. */
  readonly after?: LatestChange<unknown>;
  /** If it has happened elsewhere before. There is one decision then. Default: it happens now. */
  readonly past?: Past;
};

/** When and as which versions the events of an imported stream happened. */
export type Past = {
  /** For each event, in order. Versions grow, and may have gaps. */
  readonly moments: readonly { readonly version: number; readonly at: Micros }[];
  /** Of the head after them. The version may be greater than that of the last event. */
  readonly head: Pick<Head<unknown>, "version" | "createdAt" | "changedAt">;
};

/** The latest change of a stream. */
export type LatestChange<State> = {
  readonly head: Head<State>;
  /** Id of the change. */
  readonly change: string;
  /** Whether a transfer wrote it, so that nobody has changed the stream since. */
  readonly isTransferred: boolean;
};

/** What became of a stream. It is stored completely, or not at all. */
export type NewStreamOutcome =
  | "stored"
  /** There is a stream with this id, or it was changed after the change that it should continue. */
  | "exists"
  /** Another stream holds one of its unique keys. */
  | "unique-key-taken";

/** Which heads to read; see `Transfer.heads`. */
export type HeadRange = {
  readonly after: string;
  readonly limit: number;
  readonly organization: string | undefined;
};

/** One page of heads. */
export type HeadPage<State> = {
  readonly heads: readonly { readonly stream: string; readonly head: Head<State> }[];
  /** Behind which id the next page begins; `undefined`: this was the last one. */
  readonly next: string | undefined;
};

/** A head with all attributes of its stream, as they were at one moment. */
export type HeadWithAttributes<State> = {
  readonly head: Head<State>;
  /** In the order of the bytes of their keys. */
  readonly attributes: readonly Attribute[];
};

/** Imports and exports streams by the thousand. */
export interface Transfer {
  /**
   * Make streams ready for the next `write`, behind those that are ready already. It may be called while others are
   * under way, which have their streams.
   */
  prepare(streams: readonly NewStream[]): void;

  /**
   * Write all streams that are ready, the progress and which lines were rejected in one transaction;
   * durable once resolved. Calls are done one after another; if one fails, those that wait for it fail as it does, and
   * nothing of them is stored.
   *
   * @returns The outcome of each, in order. Of two in one batch that conflict, the first is
   *   stored.
   * @throws OvertakenError if another transfer has moved the progress, or tried the rejected lines.
   * @throws StoreUnavailableError if the database cannot be written; nothing was stored.
   * @throws OutcomeUnknownError if the database failed in a way that leaves the outcome open: read
   *   the progress to find out.
   */
  write(lines: BatchLines): Promise<NewStreamOutcome[]>;

  /**
   * Let searches find everything that transfers have written. Until then they may miss it.
   *
   * @throws As `write` does. Call it again then.
   */
  complete(): Promise<void>;

  /** How many streams the next batch should have. A larger one would block other writers for too long. */
  batchSize(): number;

  /** The latest changes of those of the streams that there are, whatever organization owns them. */
  latest<State>(streams: readonly string[]): Promise<ReadonlyMap<string, LatestChange<State>>>;

  /** As written last for this source. */
  progress(source: string): Promise<Progress | undefined>;

  /** The first batch of the input with rejected lines that ended behind a line; `undefined`: none. */
  rejected(source: string, behind: number): Promise<RejectedLines | undefined>;

  /**
   * Heads in the order of their streams' ids, page by page. A page is read in one short transaction. It
   * may hold few heads, or none, if most of those looked at belong to other organizations.
   *
   * @param range.after Only ids behind this one; `""` for all.
   * @param range.limit Heads to look at.
   * @param range.organization Default: every organization.
   */
  heads<State>(range: HeadRange): Promise<HeadPage<State>>;

  /** All attributes of a stream; `undefined` if there is no such stream. */
  attributes<State>(stream: string): Promise<HeadWithAttributes<State> | undefined>;

  close(): Promise<void>;
}
