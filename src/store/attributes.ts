import { createHash } from "node:crypto";
import type { Head, Micros } from "./event-store.ts";

/** A change of an attribute; `undefined` removes it, if the stream has it. */
export type AttributeChange = {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  /** Of an imported value: the version that set it, and when. Default: as the change itself. */
  readonly origin?: Pick<Attribute, "version" | "createdAt" | "changedAt">;
};

/**
 * What a change does to the attributes of its stream, in order: each item belongs to one of the last events of
 * the change, so there are at most as many. `remove-all` belongs to the last event. One event of an import may remove
 * several, if all that the change sets has an origin.
 */
export type AttributeChanges = readonly AttributeChange[] | "remove-all";

/** A named value of a stream. */
export type Attribute = {
  readonly key: string;
  readonly value: Uint8Array;
  /** Of the event that set it last. */
  readonly version: number;
  /** When it was set first, since it was removed last. */
  readonly createdAt: Micros;
  /** When it was set last. */
  readonly changedAt: Micros;
};

/** What can be told about an attribute without its value. */
export type AttributeOutline = {
  readonly key: string;
  /** Of the value, as `digestOf` makes it, in lower-case hex. */
  readonly digest: string;
  /** Of the value. */
  readonly bytes: number;
};

/** The attributes of a stream, in the order of the bytes of their keys, and the head that they belong to. */
export type OutlinedAttributes<State> = {
  readonly head: Head<State>;
  readonly attributes: readonly AttributeOutline[];
};

/** How many attributes a stream has, and the bytes of their keys in UTF-8 and of their values together. */
export type AttributeTotal = { readonly count: number; readonly bytes: number };

/** Some attributes of a stream, in any order, and the head that they belong to. */
export type FoundAttributes<State> = OutlinedAttributes<State> & {
  /** Of all attributes; `undefined` if it was not asked for. */
  readonly total: AttributeTotal | undefined;
};

/** SHA-256: two values are the same if their digests are. An index holds it in place of long values. */
export function digestOf(value: Uint8Array): Buffer {
  return createHash("sha256").update(value).digest();
}
