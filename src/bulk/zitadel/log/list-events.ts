import type { Micros } from "../../../store/event-store.ts";
import { BulkError } from "../../bulk-error.ts";
import { objectOf } from "../../fields.ts";
import { microsFrom, momentFrom } from "../../line/moment.ts";
import { assertWithin } from "../../remote/bounds.ts";
import type { RemoteApi } from "../../remote/remote-api.ts";
import type { EventSpool } from "./event-spool.ts";
import { eventFromAnswer } from "./log-event.ts";

/** As many as ZITADEL answers at most. */
const pageSize = 1_000;

/** Read again in each run, in microseconds: a transaction may commit long after its events are dated. */
const overlap = 300_000_000;

/** An event may be dated so much after our clock, in microseconds: clocks differ. */
const maxAhead = 86_400_000_000;

/** Of one run, which would not end if a server made events as fast as it answers them. */
const maxEvents = 500_000_000;

/**
 * Read the log of a server into a spool, from where the last run has stopped.
 *
 * ListEvents has no pages. Events that come after a date are asked for, and those of one push have the same date,
 * so each page begins with the last date of the page before.
 *
 * Events that come while it reads belong to the next run.
 *
 * @param now In microseconds.
 * @param show Told how many events have been read.
 * @throws BulkError if the server refuses, if more events than a page holds have one date, if the dates of the
 *   answers go back or lie in the future, or if there are too many events.
 */
export async function readLog(
  api: RemoteApi,
  spool: EventSpool,
  now: Micros,
  show: (events: number) => void,
): Promise<void> {
  const before = spool.readUpTo();
  let from = before === undefined ? undefined : microsFrom("date", before) - overlap;
  for (let read = 0; ; ) {
    const answer = await api.post("/admin/v1/events/_search", {
      asc: true,
      limit: pageSize,
      aggregateTypes: ["user", "org", "instance"],
      ...(from !== undefined && { from: momentFrom(Math.max(1, from - 1)) }),
    });
    const answered = Array.isArray(answer.events) ? answer.events : [];
    assertWithin(answered, pageSize);
    const events = answered.map(objectOf).map(checkedEvent);
    const last = events.at(-1);
    if (last === undefined) return;
    const lastAt = microsFrom("creationDate", last.at);
    if (lastAt > now + maxAhead) {
      throw new BulkError(`the server answers an event of ${last.at}, which is in the future`);
    }
    const readUpTo = spool.readUpTo();
    const isFurther = readUpTo === undefined || lastAt > microsFrom("date", readUpTo);
    spool.add(events, isFurther ? last.at : readUpTo);
    read += events.length;
    show(read);
    if (events.length < pageSize || lastAt > now) return;
    if (read > maxEvents) {
      throw new BulkError(`${read} events were read: run the same command again to read the rest`);
    }
    if (lastAt === from) {
      throw new BulkError(
        `${pageSize} events or more have the date ${last.at}, and ListEvents cannot be asked for the rest: read the log from the database`,
      );
    }
    if (from !== undefined && lastAt < from) {
      throw new BulkError(
        `the server answers events up to ${last.at}, which is before what was asked for`,
      );
    }
    from = lastAt;
  }
}

function checkedEvent(event: Parameters<typeof eventFromAnswer>[0]) {
  try {
    return eventFromAnswer(event);
  } catch (error) {
    throw new BulkError(
      `an event of the answer: ${error instanceof Error ? error.message : error}`,
    );
  }
}
