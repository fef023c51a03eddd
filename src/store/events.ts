import type { Micros } from "./event-store.ts";

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
  /** Of its decision; `undefined` if there was none, or none was kept yet. */
  readonly request?: string | undefined;
};

/** An event without its data. */
export type OutlinedEvent = Omit<StoredEvent, "data">;

/** Greater than every version, and every engine can compare with it. */
export const noVersion = Number.MAX_SAFE_INTEGER;

/** Which part of a stream's events to read. */
export type HistoryRange = {
  /** Only versions greater than this. */
  readonly after: number;
  /** Only versions smaller than this. Default: all. */
  readonly before?: number;
  /** At most this many. */
  readonly limit: number;
  /** Ends behind the event whose data makes it reach so many bytes, more or less. Default: it does not end. */
  readonly maxBytes?: number;
  /** Oldest first, else newest first. */
  readonly ascending: boolean;
};
