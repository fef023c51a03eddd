import { type AttributeChange, type AttributeChanges, digestOf } from "../attributes.ts";
import type { AppendRow } from "./append-row.ts";

/** A change of an attribute as it is stored. */
export type AttributeRow = {
  readonly key: string;
  /** Of its event. */
  readonly version: number;
  /** `undefined`: it is removed. */
  readonly stored: { readonly value: Uint8Array; readonly digest: Uint8Array } | undefined;
  /** When it was set first and last, if that was not when its append was made. */
  readonly dates?: { readonly createdAt: number; readonly changedAt: number };
};

/** What an append does to attributes. Plain data. */
export type AttributeRows = readonly AttributeRow[] | "remove-all";

/**
 * @param version Of the last event of the change.
 * @param events How many the change has.
 * @throws TypeError if the change has fewer events than changes of attributes, and sets one without an origin.
 */
export function attributeRows(
  changes: AttributeChanges,
  version: number,
  events: number,
): AttributeRows {
  if (changes === "remove-all") return changes;
  if (changes.length > events && changes.some(isSetNow)) {
    throw new TypeError("a change of an attribute needs an event");
  }
  const first = version - changes.length + 1;
  return changes.map(({ key, value, origin }, index) => ({
    key,
    version: origin?.version ?? first + index,
    stored: value && { value, digest: digestOf(value) },
    ...(origin && { dates: { createdAt: origin.createdAt, changedAt: origin.changedAt } }),
  }));
}

/** The version of such a change is told by its place. */
function isSetNow({ value, origin }: AttributeChange): boolean {
  return value !== undefined && origin === undefined;
}

/** An attribute that appends of one stream set. */
export type SetAttribute = {
  readonly key: string;
  readonly version: number;
  readonly value: Uint8Array;
  readonly digest: Uint8Array;
  /** When the first of the appends set it. It counts if the stream does not have the attribute, or if `isNew`. */
  readonly createdAt: number;
  readonly changedAt: number;
  /** Whether it was removed before. */
  readonly isNew: boolean;
};

/** What several appends of one stream, in order, come to. */
export type CombinedAttributes = {
  readonly isCleared: boolean;
  readonly removed: readonly string[];
  readonly set: readonly SetAttribute[];
};

/** Combine what several appends of one stream do, in order: a statement writes each attribute only once. */
export function combinedAttributes(appends: readonly AppendRow[]): CombinedAttributes {
  let isCleared = false;
  const latest = new Map<string, SetAttribute | undefined>();
  for (const { attributes = [], changedAt } of appends) {
    if (attributes === "remove-all") {
      isCleared = true;
      latest.clear();
      continue;
    }
    for (const row of attributes) {
      const isNew = latest.has(row.key);
      latest.set(row.key, setAttribute(row, changedAt, latest.get(row.key), isNew));
    }
  }
  const removed = [...latest].flatMap(([key, each]) => (each === undefined ? [key] : []));
  return { isCleared, removed, set: [...latest.values()].filter((each) => each !== undefined) };
}

/** @param isNew If there is no earlier append that set it. */
function setAttribute(
  { key, version, stored, dates }: AttributeRow,
  writtenAt: number,
  earlier: SetAttribute | undefined,
  isNew: boolean,
): SetAttribute | undefined {
  if (stored === undefined) return undefined;
  const { createdAt, changedAt } = dates ?? { createdAt: writtenAt, changedAt: writtenAt };
  const first = earlier ?? { createdAt, isNew };
  return { key, version, ...stored, changedAt, createdAt: first.createdAt, isNew: first.isNew };
}
