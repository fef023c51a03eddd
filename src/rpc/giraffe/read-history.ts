import { setImmediate as turn } from "node:timers/promises";
import {
  createHistoryPage,
  type PagedChange,
  type PageOptions,
} from "../../domain/history-page.ts";
import type { EventStore, Micros } from "../../store/event-store.ts";
import type { StoredEvent } from "../../store/events.ts";

/**
 * Events that one call looks at for its page, and as many again for the values before. On SQLite they take 15 ms of the
 * thread that serves the sockets, in pieces.
 */
export const maxEventsLookedAt = 5_000;
/** Data that one call reads for its page, and as much again for the values before. One event always fits. */
export const maxDataBytes = 4 * 1024 * 1024;
/** Values on a page. With those before, which may be as long, an answer fits into what gRPC clients accept, 4 MiB. */
export const maxPageText = 1024 * 1024;
/** Events of one read: a millisecond. */
const pieces = { first: 100, largest: 500 };
/** Of one read. */
const pieceBytes = 1024 * 1024;

/**
 * Times of an imported history may fall from one event to the next, because ZITADEL stores when a transaction began, not when
 * it was committed. None takes a day. So reading goes on so far beyond `since` and `until`.
 */
const maxDisorder: Micros = 86_400_000_000;

/** Which part of a history to read. */
export type HistoryRequest = Omit<PageOptions<StoredEvent>, "maxText" | "accepts"> & {
  /** Begin behind this version; 0: at the newest one, or at the oldest. */
  readonly beside: number;
  /** `""`: anybody. */
  readonly editor: string;
  readonly since: Micros;
  readonly until: Micros;
};

/** A stream of events of one user. */
export type Place = {
  readonly store: Pick<EventStore, "history">;
  readonly userId: string;
  readonly organization: string;
  readonly signal: AbortSignal;
};

/**
 * Read one page. The work is bounded, however long the history is: if the bounds are reached, the page ends early, or
 * some values before are unknown.
 *
 * @returns `next`: behind which version the next page begins; 0: there is nothing more.
 */
export async function readHistory(
  place: Place,
  request: HistoryRequest,
): Promise<{ readonly changes: readonly PagedChange<StoredEvent>[]; readonly next: number }> {
  const { ascending, beside, editor, since, until } = request;
  const page = createHistoryPage<StoredEvent>({
    ...request,
    maxText: maxPageText,
    accepts: ({ creator, at }) =>
      (editor === "" || creator === editor) && at >= since && at < until,
  });
  const isBehind = ({ at }: StoredEvent) =>
    ascending ? at >= until + maxDisorder : at < since - maxDisorder;
  let last = 0;
  let isOver = false;
  const end = await walk(place, { beside, ascending }, (event) => {
    // Once the page is full, only values before are looked for: these events are on the next page.
    if (!page.isFull() && !isOver) {
      last = event.version;
      isOver = isBehind(event);
    }
    page.take(event);
    return (page.isFull() || isOver) && (ascending || !page.isOpen());
  });
  if (ascending) await lookBefore(place, beside, page);
  else if (end === "no more") page.begin();
  const isDone = isOver || (end === "no more" && !page.isFull());
  return { changes: page.changes(), next: isDone ? 0 : last };
}

type Page = ReturnType<typeof createHistoryPage<StoredEvent>>;

/** Find the values before a page that has the oldest first. */
async function lookBefore(place: Place, beside: number, page: Page): Promise<void> {
  const start = { beside: beside + 1, ascending: false };
  if (!page.isOpen()) return;
  const end =
    beside === 0
      ? "no more"
      : await walk(place, start, (event) => {
          page.takeEarlier(event);
          return !page.isOpen();
        });
  if (end === "no more") page.begin();
}

/**
 * Visit events one after another, until the visitor has enough.
 *
 * @returns Why it ended.
 */
async function walk(
  { store, userId, organization, signal }: Place,
  { beside, ascending }: Pick<HistoryRequest, "beside" | "ascending">,
  visit: (event: StoredEvent) => boolean,
): Promise<"enough" | "no more" | "bounds"> {
  let limit = pieces.first;
  let at = beside;
  for (let looked = 0, bytes = 0; looked < maxEventsLookedAt && bytes < maxDataBytes; ) {
    const range = ascending ? { after: at } : { after: 0, ...(at > 0 && { before: at }) };
    const bounds = { limit, maxBytes: pieceBytes, ascending };
    const events = await store.history(userId, organization, { ...range, ...bounds });
    const last = events.at(-1);
    if (last === undefined) return "no more";
    for (const event of events) if (visit(event)) return "enough";
    if (!ascending && last.version === 1) return "no more";
    at = last.version;
    looked += events.length;
    // What is short costs little; only long values come near the bound.
    bytes += events.length < limit ? pieceBytes : 0;
    limit = Math.min(2 * limit, pieces.largest);
    await turn(undefined, { signal });
  }
  return "bounds";
}
