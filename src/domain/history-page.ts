import {
  type FieldValue,
  metadataPrefix,
  removesAllMetadata,
  valuesAfter,
} from "./field-values.ts";
import type { HumanEvent } from "./human-state.ts";

/** A field that a change made different. */
export type Difference = {
  readonly field: string;
  /** `undefined`: it had no value, or `isBeforeUnknown`. */
  before: string | undefined;
  /** `undefined`: it has no value any more. */
  readonly after: string | undefined;
  /** Whether the value before was not found among the events that were looked at, or has no room on the page. */
  isBeforeUnknown: boolean;
};

/** An event of a human as it is stored. */
export type PlacedEvent = { readonly type: string; readonly data: object };

/** A change on a page, with what it made different. */
export type PagedChange<Event> = {
  readonly event: Event;
  readonly differences: readonly Difference[];
};

/** Which changes a page has. */
export type PageOptions<Event> = {
  /** Oldest first, else newest first. */
  readonly ascending: boolean;
  /** Changes on the page at most. */
  readonly limit: number;
  /**
   * Characters of all values after the changes; the change that reaches it is the last on the page. And of all values
   * before; behind the one that reaches it they are unknown.
   */
  readonly maxText: number;
  /** Only changes of one of these fields; empty: of any. */
  readonly fields: ReadonlySet<string>;
  readonly accepts: (event: Event) => boolean;
};

/**
 * A page of a human's history, made of the events one after another. Pure but for what it collects.
 *
 * An event says what a field becomes, and not what it was: that says the last event before it that set the
 * same field. Newest first, that event comes later, and settles the difference. Oldest first, it came
 * before, or must be looked for among the events before the page.
 */
export type HistoryPage<Event> = {
  /** Take the next event, in the order of the page. */
  take(event: Event): void;
  /** Take an event from before all others, newest first. Only needed oldest first. */
  takeEarlier(event: Event): void;
  isFull(): boolean;
  /** Whether there are values before that are not known yet. */
  isOpen(): boolean;
  /** There are no earlier events: what is not known had no value. */
  begin(): void;
  /** The changes in the order of the page. Those that turn out to change none of the fields are left out. */
  changes(): readonly PagedChange<Event>[];
};

/** Begin an empty page. */
export function createHistoryPage<Event extends PlacedEvent>(
  options: PageOptions<Event>,
): HistoryPage<Event> {
  const { ascending, limit, maxText, fields, accepts } = options;
  const changes: PagedChange<Event>[] = [];
  /** Differences that wait for the value before, by field. */
  const open = new Map<string, Difference>();
  /** Values that events have set since the page began, by field; only oldest first. */
  const latest = new Map<string, string | undefined>();
  /** Metadata that is not in `latest` has no value; only oldest first. */
  let isMetadataGone = false;
  let text = 0;
  let textBefore = 0;

  const isFull = () => changes.length >= limit || text >= maxText;

  function settle({ type }: PlacedEvent, values: readonly FieldValue[]): void {
    if (open.size === 0) return;
    for (const [field, value] of values) settleField(field, value);
    if (type !== removesAllMetadata) return;
    for (const field of open.keys()) if (isMetadata(field)) settleField(field, undefined);
  }

  function settleField(field: string, value: string | undefined): void {
    const difference = open.get(field);
    if (difference === undefined) return;
    open.delete(field);
    know(difference, value);
  }

  function know(difference: Difference, before: string | undefined): void {
    if (before !== undefined && textBefore >= maxText) return;
    textBefore += before?.length ?? 0;
    difference.before = before;
    difference.isBeforeUnknown = false;
  }

  function remember({ type }: PlacedEvent, values: readonly FieldValue[]): void {
    for (const [field, value] of values) latest.set(field, value);
    if (type !== removesAllMetadata) return;
    isMetadataGone = true;
    for (const field of latest.keys()) if (isMetadata(field)) latest.delete(field);
  }

  function differenceOf([field, after]: FieldValue): Difference {
    text += after?.length ?? 0;
    const difference = { field, before: undefined, after, isBeforeUnknown: true };
    if (latest.has(field) || (isMetadataGone && isMetadata(field))) {
      know(difference, latest.get(field));
    } else open.set(field, difference);
    return difference;
  }

  return {
    take(event) {
      const values = valuesAfter(event as HumanEvent & Event);
      if (!ascending) settle(event, values);
      const isNamed = fields.size === 0 || values.some(([field]) => fields.has(field));
      if (isNamed && !isFull() && accepts(event)) {
        changes.push({ event, differences: values.map(differenceOf) });
      }
      if (ascending) remember(event, values);
    },
    takeEarlier: (event) => settle(event, valuesAfter(event as HumanEvent & Event)),
    isFull,
    isOpen: () => open.size > 0,
    begin() {
      for (const difference of open.values()) difference.isBeforeUnknown = false;
      open.clear();
    },
    changes() {
      const all = changes.map(({ event, differences }) => ({
        event,
        differences: differences.filter(isDifferent),
      }));
      if (fields.size === 0) return all;
      return all.filter(({ differences }) => differences.some(({ field }) => fields.has(field)));
    },
  };
}

function isMetadata(field: string): boolean {
  return field.startsWith(metadataPrefix);
}

function isDifferent({ before, after, isBeforeUnknown }: Difference): boolean {
  return isBeforeUnknown || before !== after;
}
