import type { Search, SearchKeys } from "./search.ts";

/** Microseconds since 1970-01-01T00:00:00Z: safe as a number until the year 2255. */
export type Micros = number;

/** Something that happened, before it is stored. `data` survives JSON unchanged. */
export type NewEvent = {
  /** Such as `user.human.profile.changed`. */
  readonly type: string;
  readonly data: object;
  /** Id of whoever caused it. */
  readonly creator: string;
};

/** An event in its stream. */
export type StoredEvent = NewEvent & {
  /** 1 for the stream's first event, one more for each further event, without gaps. */
  readonly version: number;
  readonly at: Micros;
};

/**
 * Where a stream stands: the fold of all its events, written in the same transaction as the latest.
 *
 * `version` is a number, not a bigint: it counts one stream's events and cannot reach 2^53.
 */
export type Head<State> = {
  readonly version: number;
  /** The organization that owns the stream. Never changes. */
  readonly organization: string;
  /** When the first event was stored. */
  readonly createdAt: Micros;
  /** When the latest event was stored. Grows with every event, whatever the clock does. */
  readonly changedAt: Micros;
  /** JSON. */
  readonly state: State;
};

/**
 * What a head is found by. Pure; given once, when the database is opened: the keys are written with
 * the head, and no change can forget them.
 *
 * @returns `undefined` if the stream is not to be found any more.
 */
export type KeysOf<State> = (
  head: Pick<Head<State>, "state" | "createdAt">,
) => SearchKeys | undefined;

/** A part of what a search finds. */
export type Found<State> = {
  /** Of all parts. */
  readonly total: number;
  readonly results: readonly { readonly stream: string; readonly head: Head<State> }[];
};

/** What a change writes: one event, and the state it leads to. */
export type Decision<State> = {
  readonly event: NewEvent;
  /** The next state; survives JSON unchanged. */
  readonly state: State;
  /**
   * Names that only this stream may hold from now on, in place of those it held. Opaque, unique
   * over all organizations. Default: the names stay as they are.
   */
  readonly uniqueKeys?: readonly string[];
};

/**
 * Pure: no clock, no I/O, no ids made inside. Called again with a newer head when another writer
 * was faster, so one change may decide several times and is stored once.
 *
 * @param head `undefined` if the organization owns no such stream.
 * @throws Whatever refuses the change; `change` rejects with it.
 */
export type Decide<State> = (head: Head<State> | undefined) => Decision<State>;

/** Which part of a stream's events to read. */
export type HistoryRange = {
  /** Only versions greater than this. */
  readonly after: number;
  /** At most this many. */
  readonly limit: number;
  /** Oldest first, else newest first. */
  readonly ascending: boolean;
};

/**
 * Where events live. Knows nothing of what they mean.
 *
 * Every operation on a stream carries the organization: a stream of another organization looks
 * exactly like one that does not exist. `loadOnInstance` is the one exception, and says why.
 */
export interface EventStore {
  /**
   * Change one stream by one event.
   *
   * Changes of one stream run one after another in order of arrival, each on the head that its
   * predecessor decided. Resolves, and rejects, only after the outcome of the commit on which the
   * answer rests is known; what it resolves to is durable.
   *
   * @param signal Aborted: the caller no longer waits. A change that has not been sent to the
   *   database by then is dropped, unless one that is to be sent was decided on it.
   * @returns The head after the change.
   * @throws What `decide` throws, or the signal's reason if the change was dropped; nothing was
   *   stored.
   * @throws UniqueKeyTakenError if another stream holds one of the unique keys, or has this stream's id.
   * @throws StoreOverloadedError if too many changes wait; nothing was stored.
   * @throws StoreUnavailableError if the database cannot be written; nothing was stored.
   * @throws OutcomeUnknownError if the database failed in a way that leaves the outcome open.
   */
  change<State>(
    stream: string,
    organization: string,
    decide: Decide<State>,
    signal?: AbortSignal,
  ): Promise<Head<State>>;

  /** The latest durable head; `undefined` if the organization owns no such stream. */
  load<State>(stream: string, organization: string): Promise<Head<State> | undefined>;

  /**
   * The latest durable head, whatever organization owns the stream; `undefined` if there is none.
   *
   * For authentication alone, which must know whether a person may still call: a token can name any
   * organization as its home, or none, so it must not choose where the person is looked for. Never
   * for what a caller asks to see or change.
   */
  loadOnInstance<State>(stream: string): Promise<Head<State> | undefined>;

  /** Events of one stream; empty if the organization owns no such stream. */
  history(stream: string, organization: string, range: HistoryRange): Promise<StoredEvent[]>;

  /**
   * Streams of the organization that a query is true of; sees every change that has resolved.
   *
   * Equal texts and beginnings are looked up. What contains a text or ends with it is looked for
   * among all the texts of a key, which takes a quarter of a second for a million streams; such
   * searches run one at a time.
   *
   * @param signal Aborted: the caller no longer waits. What has not begun by then is dropped.
   * @throws SearchTooBroadError if it would look at more than ten million texts.
   * @throws StoreOverloadedError if too many searches wait.
   * @throws The signal's reason if the search was dropped.
   */
  search<State>(organization: string, search: Search, signal?: AbortSignal): Promise<Found<State>>;

  /** The stream that holds a unique key, over all organizations; `undefined` if none does. */
  locate(uniqueKey: string): Promise<{ stream: string; organization: string } | undefined>;

  /** @throws StoreUnavailableError if the database cannot be read. */
  ping(): Promise<void>;

  /** Lets changes in flight finish, then releases file and connections. */
  close(): Promise<void>;
}

/** Another stream holds one of the unique keys of the change, or a stream of another organization has its id. */
export class UniqueKeyTakenError extends Error {
  override readonly name = "UniqueKeyTakenError";
}

/** Too many changes wait already. Nothing was stored; try again in `retryAfterMs`. */
export class StoreOverloadedError extends Error {
  override readonly name = "StoreOverloadedError";
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The database cannot be reached, read or written. Nothing was stored. */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
}

/** The database failed while it committed: the change is stored wholly, or not at all. */
export class OutcomeUnknownError extends Error {
  override readonly name = "OutcomeUnknownError";
}
