import type {
  Attribute,
  AttributeChanges,
  FoundAttributes,
  OutlinedAttributes,
} from "./attributes.ts";
import type { HistoryRange, NewEvent, OutlinedEvent, StoredEvent } from "./events.ts";
import type { ChangeAll } from "./joint-change.ts";
import type { ReceiptOfChange, Receipts } from "./receipts.ts";
import type { Search, SearchKeys, SearchScope } from "./search.ts";

/** Microseconds since 1970-01-01T00:00:00Z: safe as a number until the year 2255. */
export type Micros = number;

/**
 * The state of a stream: the fold of all its events, written in the same transaction as the latest.
 *
 * `version` is a number, not a bigint: it counts one stream's events and cannot reach 2^53.
 */
export type Head<State> = {
  readonly version: number;
  /** The organization that owns the stream. Never changes. */
  readonly organization: string;
  /** When the first event was stored. */
  readonly createdAt: Micros;
  /** When the latest event was stored. Grows with every change, whatever the clock does. */
  readonly changedAt: Micros;
  /** JSON. */
  readonly state: State;
};

/**
 * The search keys of a head. Pure. Given once, when the database is opened, so that the keys are written
 * with every head.
 *
 * @param names The keys that are asked for. Others may be left out. Default: all.
 * @returns `undefined` if searches must not find the stream any more.
 */
export type KeysOf<State> = (
  head: Pick<Head<State>, "state" | "createdAt">,
  names?: ReadonlySet<string>,
) => SearchKeys | undefined;

/** One page of the results of a search. */
export type Found<State> = {
  /** Number of results on all pages. */
  readonly total: number;
  readonly results: readonly { readonly stream: string; readonly head: Head<State> }[];
};

/** What a change writes: events and the state that they lead to. */
export type Decision<State> = {
  /**
   * In order, each with a version of its own; they are stored together or not at all. Empty: nothing changes,
   * so nothing is written, whatever else the decision says. The stream must exist then.
   */
  readonly events: readonly NewEvent[];
  /** The state after the last event; survives JSON unchanged. */
  readonly state: State;
  /**
   * Texts that only this stream may hold from now on, in place of those it held: unique over all
   * organizations, and opaque to the store. Default: the stream keeps those it has.
   */
  readonly uniqueKeys?: readonly string[];
  /**
   * Attributes are named values beside a stream, which no head carries and no change loads. They are written
   * in the transaction of the events. Default: they stay as they are.
   */
  readonly attributes?: AttributeChanges;
  /** Stored in the transaction of the events. Default: none. Without events, none is stored. */
  readonly receipt?: ReceiptOfChange | undefined;
  /** Id of the call that asks for the change; stored with each of its events. Default: none. */
  readonly request?: string | undefined;
  /**
   * Forget what was stored of the stream before: the data of its events becomes `{}`, and its receipts are removed.
   * Versions, types, creators and times of the events stay. SQLite also overwrites it in the file and in the log.
   * Attributes, unique keys and the state are what the decision says, as always. Default: nothing is forgotten.
   */
  readonly erases?: true | undefined;
};

/**
 * Decides what a change writes. Pure: no clock, no I/O, no ids made inside. It is called again with a newer
 * head if another writer was faster, so it may run several times for a change that is stored once.
 *
 * @param head `undefined` if the organization owns no such stream.
 * @throws Whatever refuses the change; `change` rejects with it.
 */
export type Decide<State> = (head: Head<State> | undefined) => Decision<State>;

/** Tells whether somebody waits for a change: any signal does, and so does less. */
export type Waiter = Pick<AbortSignal, "aborted" | "reason">;

/**
 * Stores events and the heads of streams. It does not know what the events mean.
 *
 * Every operation on a stream carries the organization: a stream of another organization looks
 * exactly like one that does not exist. `loadOnInstance` is the one exception, and says why.
 */
export interface EventStore {
  /**
   * Change one stream by the events of one decision.
   *
   * Changes of one stream run one after another in order of arrival, each on the head that its
   * predecessor decided. Resolves or rejects only when the outcome of every commit that the answer
   * depends on is known. What it resolves to is durable.
   *
   * @param signal Abort it when the caller no longer waits. A change that has not been sent to the
   *   database by then is dropped, unless a change that will be sent was decided on it.
   * @returns The head after the change. If the decision has no events: the latest head.
   * @throws What `decide` throws, or the signal's reason if the change was dropped; nothing was
   *   stored.
   * @throws UniqueKeyTakenError if another stream holds one of the unique keys, or has this stream's id.
   * @throws ReceiptTakenError if the name of the receipt is taken, whatever else is wrong; nothing was stored.
   * @throws StoreOverloadedError if too many changes wait; nothing was stored.
   * @throws StoreUnavailableError if the database cannot be written; nothing was stored.
   * @throws OutcomeUnknownError if the database failed in a way that leaves the outcome open.
   */
  change<State>(
    stream: string,
    organization: string,
    decide: Decide<State>,
    signal?: Waiter,
  ): Promise<Head<State>>;

  readonly changeAll: ChangeAll;

  /** The latest durable head; `undefined` if the organization owns no such stream. */
  load<State>(stream: string, organization: string): Promise<Head<State> | undefined>;

  /**
   * The latest durable head, whatever organization owns the stream; `undefined` if there is none.
   *
   * For two callers alone. Authentication must know whether a person may still call: a token can name any
   * organization as its home, or none, so it must not choose where the person is looked for. And in v2 a
   * user is found by its id: `rpc/user/reach-user.ts` looks for the owner, asks whether the caller has the
   * permission there before anything of the user is told, and every change then names that owner.
   */
  loadOnInstance<State>(stream: string): Promise<Head<State> | undefined>;

  /**
   * Which attributes a stream has, without their values, at one moment; `undefined` if the organization owns no
   * such stream.
   */
  outlineAttributes<State>(
    stream: string,
    organization: string,
  ): Promise<OutlinedAttributes<State> | undefined>;

  /**
   * Which of these attributes a stream has, without their values, and if it is asked for, the total of all that it
   * has, at one moment; `undefined` if the organization owns no such stream. Without the total it costs as much as
   * these keys do, however many attributes there are.
   */
  findAttributes<State>(
    stream: string,
    organization: string,
    keys: readonly string[],
    isTotalled: boolean,
  ): Promise<FoundAttributes<State> | undefined>;

  /**
   * Those of the attributes with these keys that the stream has, in the order of the bytes of their keys; none
   * if the organization owns no such stream.
   */
  readAttributes(
    stream: string,
    organization: string,
    keys: readonly string[],
  ): Promise<readonly Attribute[]>;

  /** Events of one stream; empty if the organization owns no such stream. */
  history(stream: string, organization: string, range: HistoryRange): Promise<StoredEvent[]>;

  /** As `history`, but does not read the data, which may be large. */
  outlineHistory(
    stream: string,
    organization: string,
    range: HistoryRange,
  ): Promise<OutlinedEvent[]>;

  /**
   * The streams within the scope that match a query. Sees every change that has resolved.
   *
   * "equals" and "starts-with" use an index. "contains" and "ends-with" scan all the texts of a key,
   * which takes a quarter of a second for a million streams; such searches run one at a time, and organizations
   * take turns. Over several organizations, a page that no such query narrows takes as long.
   *
   * @param signal Abort it when the caller no longer waits. A scan that has not begun by then is dropped, and a long
   *   one is stopped.
   * @throws SearchTooBroadError if it would scan more than ten million texts, or takes too long.
   * @throws StoreOverloadedError if too many searches wait.
   * @throws The signal's reason if the search was dropped.
   */
  search<State>(scope: SearchScope, search: Search, signal?: AbortSignal): Promise<Found<State>>;

  /** The stream that holds a unique key, over all organizations; `undefined` if none does. */
  locate(uniqueKey: string): Promise<{ stream: string; organization: string } | undefined>;

  /** What is kept beside the streams for a day. */
  readonly receipts: Receipts;

  /** @throws StoreUnavailableError if the database cannot be read. */
  ping(): Promise<void>;

  /** Lets changes in flight finish, then releases the file and the connections. */
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
