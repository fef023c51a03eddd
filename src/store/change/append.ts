import type { AttributeChanges } from "../attributes.ts";
import type { Head, Micros } from "../event-store.ts";
import type { NewEvent } from "../events.ts";
import type { Receipt } from "../receipts.ts";

/** A stream's head and the id of the change that wrote it. */
export type Tip = {
  readonly head: Head<unknown>;
  readonly change: string;
  /** `undefined`: it was not read from SQLite. */
  readonly row?: HeadRow | undefined;
};

/** Where SQLite has a head, so that whoever writes it next need not look for it: its row, and its latest event. */
export type HeadRow = readonly [id: number, position: number | null];

/** The version of an event, and when it happened. */
export type Moment = { readonly version: number; readonly at: number };

/** Write events and the head they lead to, only if `after` is still the stream's latest change. */
export type Append = {
  readonly stream: string;
  /** Unique. Stored with each event, so that an append of unknown outcome can be looked up. */
  readonly change: string;
  /**
   * The change it was decided on; `undefined`: the stream must not exist. A version alone is not enough:
   * if a predecessor in flight lost a race to another process, the other's event has the same version.
   */
  readonly after: string | undefined;
  /** Of the head it was decided on. */
  readonly row?: HeadRow | undefined;
  /** At least one. The last has the version of the head. */
  readonly events: readonly NewEvent[];
  /** The head it was decided on; `undefined`: the stream is new. */
  readonly before: Head<unknown> | undefined;
  /** After the last event. */
  readonly head: Head<unknown>;
  /** In place of the stream's unique keys; `undefined`: they stay. */
  readonly uniqueKeys: readonly string[] | undefined;
  /** Of each event, if they have happened elsewhere before. Default: they have the next versions, and happen now. */
  readonly moments?: readonly Moment[] | undefined;
  /** `undefined`: they stay. */
  readonly attributes?: AttributeChanges | undefined;
  /** With the time by the clock: the date of the head may be ahead of it. `undefined`: none is stored. */
  readonly receipt?: (Receipt & { readonly at: Micros }) | undefined;
  /** As in `Decision`. */
  readonly request?: string | undefined;
  readonly erases?: true | undefined;
};

/**
 * "unknown": it may be stored, or may be stored later. If it is neither that nor "appended", nothing was stored. If
 * several of the others apply, it is "receipt-taken", or else "conflict".
 */
export type AppendResult =
  | "appended"
  | "conflict"
  | "unique-key-taken"
  | "receipt-taken"
  | "unknown";
