import type { FeedEvent } from "../../feed.ts";
import type { Row } from "../../sql/rows.ts";
import type { Connection } from "../connection/connection.ts";

/**
 * Give positions to events that have none, about as many as the limit says, where their streams are on several nodes.
 *
 * One node after the other shows what a transaction has changed. So events that another one has just numbered may
 * still look as if they had no position. The update waits for that transaction, and then leaves them as they are.
 *
 * However many events a stream has, no more of them are read than the limit, and some that are looked at by version.
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
  const next = await lowestOf(connection, spansOf(found));
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

type EventName = { readonly stream: string; readonly version: number };

/** Versions of a stream that were found to have no position, in order. */
type Span = { readonly stream: string; readonly versions: readonly number[] };

function spansOf(found: readonly Row[]): Span[] {
  const ofStreams = Map.groupBy(found, ({ stream }) => String(stream));
  return [...ofStreams]
    .map(([stream, rows]) => ({
      stream,
      versions: rows.map(({ version }) => Number(version)).sort((a, b) => a - b),
    }))
    .sort((a, b) => (a.stream < b.stream ? -1 : 1));
}

const lowest = ({ versions }: Span) => versions[0] ?? 0;
const highest = ({ versions }: Span) => versions.at(-1) ?? 0;

/**
 * Of each stream as many events without a position as were found of it, but its lowest ones, in order. Those that have
 * a position are its first ones, and so they must stay.
 *
 * The engine finds them in no order. Nearly always they are the lowest ones: then they follow each other, and the one
 * before them has a position. All others are looked for, stream by stream, because versions of a stream that was
 * imported may have gaps.
 */
async function lowestOf(connection: Connection, spans: readonly Span[]): Promise<EventName[]> {
  const begun = await withNumberedBefore(connection, spans);
  const isSure = (span: Span) => begun.has(span.stream) && hasNoGap(span);
  const sure = spans.filter(isSure);
  const others = spans.filter((span) => !isSure(span));
  if (others.length === 0) return sure.flatMap(namesOf);
  const firsts = await firstWithout(connection, others);
  const rows = await connection.run(
    others.map(({ stream, versions }) => ({
      name: "feed-lowest",
      text: `select version from events where stream = $1 and version >= $2::bigint
        order by version limit $3::bigint`,
      values: [stream, firsts.get(stream) ?? 0, versions.length],
    })),
  );
  const found = others.map(({ stream }, place) => ({
    stream,
    versions: (rows[place] ?? []).map(([version]) => Number(version)),
  }));
  return [...sure, ...found].flatMap(namesOf);
}

const namesOf = ({ stream, versions }: Span): EventName[] =>
  versions.map((version) => ({ stream, version }));

const hasNoGap = (span: Span) => highest(span) - lowest(span) === span.versions.length - 1;

/** The streams in which the version before the lowest one that was found has a position, or would be 0. */
async function withNumberedBefore(
  connection: Connection,
  spans: readonly Span[],
): Promise<ReadonlySet<string>> {
  const rows = await connection.query({
    text: `select e.stream from events e
      join unnest($1::text[], $2::bigint[]) as s (stream, version)
        on e.stream = s.stream and e.version = s.version
      where e.position is not null`,
    values: [spans.map(({ stream }) => stream), spans.map((span) => lowest(span) - 1)],
  });
  const whole = spans.filter((span) => lowest(span) === 1);
  return new Set([...rows, ...whole].map(({ stream }) => String(stream)));
}

/**
 * The first version of each stream that has no position. Nearly always it is the lowest one that was found. If it is
 * not, those in between are halved again and again, because there may be any number of them.
 */
async function firstWithout(
  connection: Connection,
  spans: readonly Span[],
): Promise<ReadonlyMap<string, number>> {
  // Up to `numbered` each version has a position, and `first` has none.
  const searches = spans.map((span) => {
    const first = lowest(span);
    return { stream: span.stream, numbered: 0, first, below: first };
  });
  for (let open = searches; open.length > 0; ) {
    const rows = await connection.run(open.map(eventBelow));
    for (const [place, search] of open.entries()) {
      const [row] = rows[place] ?? [];
      if (row === undefined || row[1] !== null) search.numbered = search.below - 1;
      else search.first = Number(row[0]);
      search.below = search.numbered + Math.floor((search.first - search.numbered) / 2) + 1;
    }
    open = open.filter(({ numbered, first }) => first - numbered > 1);
  }
  return new Map(searches.map(({ stream, first }) => [stream, first]));
}

const eventBelow = ({ stream, below }: { readonly stream: string; readonly below: number }) => ({
  name: "feed-below",
  text: `select version, position from events where stream = $1 and version < $2::bigint
    order by version desc limit 1`,
  values: [stream, below],
});

/**
 * The events of a page up to the first position that is missing. One node may show its part of a transaction before
 * another does, and whoever reads on from behind a gap would never get what is missing.
 */
export function withoutGaps(after: number, events: readonly FeedEvent[]): readonly FeedEvent[] {
  const gap = events.findIndex(({ position }, place) => position !== after + 1 + place);
  return gap === -1 ? events : events.slice(0, gap);
}
