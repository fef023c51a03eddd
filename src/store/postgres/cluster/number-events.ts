import type { FeedEvent } from "../../feed.ts";
import type { Row } from "../../sql/rows.ts";
import type { Connection } from "../connection/connection.ts";

/**
 * Give positions to events that have none, about as many as the limit says, where their streams are on several nodes.
 *
 * One node after the other shows what a transaction has changed. So events that another one has just numbered may
 * still look as if they had no position. The update waits for that transaction, and then leaves them as they are.
 *
 * @param last The last position that was given.
 * @returns How many were given; `undefined` if the update has left out an event that another transaction had numbered.
 *   The transaction must then be rolled back, because positions have no gaps.
 */
export async function numberEvents(
  connection: Connection,
  last: number,
  limit: number,
): Promise<number | undefined> {
  const found = await connection.query({
    text: "select stream, version from events where position is null limit $1::bigint",
    values: [limit],
  });
  const next = await nextOf(connection, highestOf(found), limit);
  const numbered = await connection.query({
    text: `update events e set position = n.position
      from unnest($1::text[], $2::bigint[], $3::bigint[]) as n (stream, version, position)
      where e.stream = n.stream and e.version = n.version and e.position is null
      returning e.position`,
    values: [
      next.map(({ stream }) => stream),
      next.map(({ version }) => version),
      next.map((_, place) => last + 1 + place),
    ],
  });
  return numbered.length === next.length ? next.length : undefined;
}

/** The highest version of each stream that was found. */
function highestOf(found: readonly Row[]): ReadonlyMap<string, number> {
  const highest = new Map<string, number>();
  for (const { stream, version } of found) {
    const before = highest.get(String(stream)) ?? 0;
    highest.set(String(stream), Math.max(before, Number(version)));
  }
  return highest;
}

/**
 * The lowest versions of some streams that have no position, in order. Those that have one are its first versions, and
 * so they must stay.
 */
async function nextOf(
  connection: Connection,
  highest: ReadonlyMap<string, number>,
  limit: number,
): Promise<Row[]> {
  const spans = await connection.query({
    text: `select h.stream, coalesce((
        select e.version from events e where e.stream = h.stream and e.position is not null
        order by e.version desc limit 1
      ), 0) as numbered
      from heads h where h.stream = any ($1::text[])`,
    values: [[...highest.keys()]],
  });
  return connection.query({
    text: `select e.stream, e.version from events e
      join unnest($1::text[], $2::bigint[], $3::bigint[]) as s (stream, numbered, highest)
        on e.stream = s.stream and e.version > s.numbered and e.version <= s.highest
      order by e.stream, e.version limit $4::bigint`,
    values: [
      spans.map(({ stream }) => stream),
      spans.map(({ numbered }) => numbered),
      // The versions of a stream have no gaps, so no more than the limit have to be sorted.
      spans.map(({ stream, numbered }) =>
        Math.min(highest.get(String(stream)) ?? 0, Number(numbered) + limit),
      ),
      limit,
    ],
  });
}

/**
 * The events of a page up to the first position that is missing. One node may show its part of a transaction before
 * another does, and whoever reads on from behind a gap would never get what is missing.
 */
export function withoutGaps(after: number, events: readonly FeedEvent[]): readonly FeedEvent[] {
  const gap = events.findIndex(({ position }, place) => position !== after + 1 + place);
  return gap === -1 ? events : events.slice(0, gap);
}
