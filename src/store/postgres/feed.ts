import { type Feed, type FeedEvent, maxFeedBytes, maxFeedEvents } from "../feed.ts";
import { feedColumns, feedPage } from "../sql/feed-rows.ts";
import { numberEvents, withoutGaps } from "./cluster/number-events.ts";
import type { Connection } from "./connection/connection.ts";
import type { Link } from "./connection/link.ts";
import { beginReadCommitted, rollBack } from "./connection/transaction.ts";
import type { Postgres } from "./database.ts";
import { outcomeFromError, unavailableFrom } from "./postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";

/**
 * The feed of a PostgreSQL database, which any number of servers may read and write.
 *
 * Nothing that a transaction can note while it writes is in the order of the commits: a lower number may become
 * visible after a higher one was read. So events are stored without a position, and whoever reads the end of the feed
 * gives positions to what is committed by then. One reader at a time does so, behind a lock on one row.
 */
export function createPostgresFeed(database: Postgres): Feed {
  database.acquire();
  const link = database.link();
  let closing: Promise<void> | undefined;
  return {
    async read(after, limit) {
      const most = Math.min(limit, maxFeedEvents);
      // First, because another reader may give them their positions meanwhile, and then the page has them.
      const isMore = await hasNew(database);
      const events = await readPage(database, after, most);
      if (events.length > 0 || !isMore || most < 1) return events;
      await giveWithRetries(link, most, database.isCluster ? numberEvents : numberAtOnce);
      return readPage(database, after, most);
    },
    close() {
      closing ??= database.release();
      return closing;
    },
  };
}

async function readPage(
  database: Postgres,
  after: number,
  limit: number,
): Promise<readonly FeedEvent[]> {
  // The length of a long value is known without reading it.
  const rows = await database.read({
    name: "feed",
    text: `select ${feedColumns} from (
        select *, sum(octet_length(data)) over (order by position) - octet_length(data) as ahead
        from (select * from events where position > $1::bigint order by position limit $2::bigint) as found
      ) as e join heads h on h.stream = e.stream where e.ahead < $3::bigint order by e.position`,
    values: [after, limit, maxFeedBytes],
  });
  const events = feedPage(rows);
  return database.isCluster ? withoutGaps(after, events) : events;
}

async function hasNew(database: Postgres): Promise<boolean> {
  const text = "select 1 from events where position is null limit 1";
  return (await database.read({ name: "feed-new", text })).length > 0;
}

/** Gives positions behind the last one. `undefined`: another transaction was in the way. */
type NumberNext = (
  connection: Connection,
  last: number,
  limit: number,
) => Promise<number | undefined>;

async function giveWithRetries(link: Link, limit: number, number: NumberNext): Promise<void> {
  for (let retries = 0; ; retries += 1) {
    let connection: Connection | undefined;
    try {
      connection = await link.get();
      if (await givePositions(connection, limit, number)) return;
      // They get their positions at another read.
      if (retries === maxRetries) return;
    } catch (error) {
      const outcome = outcomeFromError(error);
      if (outcome === "ambiguous" || outcome === "elsewhere") connection?.destroy();
      else if (connection?.isOpen()) await rollBack(connection);
      // Whether a lost commit is stored does not matter: the next attempt takes what has no position then.
      if (outcome === "bug") throw error;
      if (outcome === "unavailable" || retries === maxRetries) throw unavailableFrom(error);
    }
    await pauseBeforeRetry();
  }
}

/**
 * Give positions to events that have none, about as many as the limit says.
 *
 * @returns Whether that was done. If not, the transaction is rolled back.
 */
async function givePositions(
  connection: Connection,
  limit: number,
  number: NumberNext,
): Promise<boolean> {
  await connection.query({ text: beginReadCommitted });
  const [row] = await connection.query({
    name: "feed-lock",
    text: "select position from last_positions for update",
  });
  const last = Number(row?.position);
  const numbered = await number(connection, last, limit);
  // Several nodes have this row, and a transaction that has locked it at another one must not be overtaken.
  const kept = await connection.query({
    name: "feed-last",
    text: "update last_positions set position = $2::bigint where position = $1::bigint returning position",
    values: [last, last + (numbered ?? 0)],
  });
  const isDone = numbered !== undefined && kept.length === 1;
  await connection.query({ text: isDone ? "commit" : "rollback" });
  return isDone;
}

async function numberAtOnce(connection: Connection, last: number, limit: number) {
  const rows = await connection.query({
    name: "feed-number",
    text: numberNext,
    values: [last, limit],
  });
  return rows.length;
}

/**
 * The index gives some events without a position, in no order. Of each of their streams, those that have one are its
 * first versions, and so they must stay. So the lowest versions without a position are numbered in place of those found:
 * from behind the last that has one, up to the highest that was found.
 */
const numberNext = `
  with found as materialized (
    select stream, version from events where position is null limit $2::bigint
  ),
  spans as materialized (
    select f.stream, f.highest, coalesce((
      select e.version from events e
      where e.stream = f.stream and e.version < f.lowest and e.position is not null
      order by e.version desc limit 1
    ), 0) as numbered
    from (
      select stream, min(version) as lowest, max(version) as highest from found group by stream
    ) as f
  ),
  next as (
    select stream, version, row_number() over (order by stream, version) as place from (
      select e.stream, e.version from spans s cross join lateral (
        select i.stream, i.version from events i
        where i.stream = s.stream and i.version > s.numbered and i.version <= s.highest
        order by i.version limit $2::bigint
      ) as e order by e.stream, e.version limit $2::bigint
    ) as ordered
  )
  update events e set position = $1::bigint + n.place from next n
  where e.stream = n.stream and e.version = n.version
  returning e.position`;
