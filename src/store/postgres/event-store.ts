import type { Tip } from "../change/append.ts";
import { createBatcher } from "../change/batch/batcher.ts";
import { sizeOfItem } from "../change/batch/item-size.ts";
import { createChangeAll } from "../change/change-all.ts";
import { createStreamQueue } from "../change/queue/stream-queue.ts";
import { createReceiptKeeper, type ReceiptBounds } from "../change/receipt-keeper.ts";
import type { EventStore, Head, Micros } from "../event-store.ts";
import { type HistoryRange, noVersion } from "../events.ts";
import type { RetryReason, StoreObserver } from "../observer.ts";
import {
  eventColumns,
  eventFromRow,
  outlinedEventColumns,
  outlinedEventFromRow,
  tipColumns,
  tipsFromRows,
} from "../sql/rows.ts";
import { createCommit } from "./append/commit.ts";
import { rowWithHeldKeys } from "./append/held-keys.ts";
import { createJointCommit } from "./append/joint-change.ts";
import { createReceiptReader } from "./append/receipts.ts";
import { findAttributes, readAttributes, readOutline } from "./attributes.ts";
import type { Postgres } from "./database.ts";
import { createCountFolder } from "./fold-counts.ts";
import { createPostgresSearch } from "./search.ts";
import { createLanes } from "./shards/lanes.ts";
import { readOfStreams } from "./shards/read-of-streams.ts";
import { laneOf } from "./shards/shard-map.ts";

/**
 * Batches that commit at the same time, each on a connection of its own; a stream always uses the same one.
 * While one batch waits for the disk, the other uses the processor. With four connections the batches are
 * smaller, and each change costs a third more.
 */
const commitConnections = 2;

type Options = {
  readonly database: Postgres;
  readonly now: () => Micros;
  readonly observer?: StoreObserver | undefined;
  readonly receipts?: ReceiptBounds;
};

/** An event store in a PostgreSQL database, which other nodes may use at the same time. */
export function createPostgresEventStore(options: Options): EventStore {
  const { database } = options;
  database.acquire();
  // Heads are read in batches: those that are asked for during a read are read together next.
  const { groupOf, laneOf } = groupingOf(database);
  const loads = createLanes((lane) =>
    createBatcher(
      (streams: readonly string[]) => readTips(database, streams, lane),
      undefined,
      undefined,
      groupOf,
    ),
  );
  const load = (stream: string) => loads.get(laneOf(stream)).add(stream, stream);
  const writing = createWriting(options, load);
  const searching = createPostgresSearch(database);

  async function close(): Promise<void> {
    await writing.queue.close();
    await searching.close();
    await writing.close();
    await loads.close();
    await database.release();
  }
  let closing: Promise<void> | undefined;

  return {
    change: writing.queue.change,
    changeAll: writing.changeAll,
    receipts: writing.receipts,
    search: searching.search,
    ...createReads(database, load),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

type Load = (stream: string) => Promise<Tip | undefined>;

/** What changes and receipts pass through. Its queue is to be closed first. */
function createWriting({ database, now, observer, receipts: bounds }: Options, load: Load) {
  const { groupOf, laneOf } = groupingOf(database);
  const retried = (reason: RetryReason) => {
    observer?.retried(reason);
    database.shards.renew();
  };
  const commits = createLanes(() =>
    createBatcher(
      createCommit(database.link(), retried, database.isCluster),
      observer?.committed,
      sizeOfItem,
      groupOf,
    ),
  );
  const commitOf = (queue: string) =>
    commits.get(laneOf(queue) ?? String(placeOf(queue, commitConnections)));
  const { close: closeReader, ...receiptReader } = createReceiptReader(database);
  const receipts = createReceiptKeeper({
    ...receiptReader,
    readsAhead: true,
    write: (item, name) => commitOf(name).add(item, name),
    now,
    ...bounds,
  });
  const counts = createCountFolder(database.link());
  const commitAll = createJointCommit({ link: database.link(), database, now, retried });
  const queue = createStreamQueue({
    load,
    async append(append, signal) {
      const row = rowWithHeldKeys(append, database.keysOf, database.uniqueKeysOf);
      const result = await commitOf(row.stream).add(row, row.stream, signal);
      if (result === "appended") counts.stored(row);
      return result;
    },
    commitAll,
    now,
    observer,
  });

  async function close(): Promise<void> {
    await receipts.close();
    await closeReader();
    await commits.close();
    await counts.close();
  }

  return { queue, changeAll: createChangeAll(queue, commitAll), receipts, close };
}

type Reads = Omit<EventStore, "change" | "changeAll" | "receipts" | "search" | "close">;

function createReads(database: Postgres, loadTip: Load): Reads {
  return {
    async load<State>(stream: string, organization: string) {
      const tip = await loadTip(stream);
      return tip?.head.organization === organization ? (tip.head as Head<State>) : undefined;
    },

    async loadOnInstance<State>(stream: string) {
      return (await loadTip(stream))?.head as Head<State> | undefined;
    },

    outlineAttributes: (stream, organization) => readOutline(database, stream, organization),

    findAttributes: (...wanted) => findAttributes(database, ...wanted),

    readAttributes: (stream, organization, keys) =>
      readAttributes(database, stream, organization, keys),

    async history(stream, organization, range) {
      return (await readHistory(database, "history", stream, organization, range)).map(
        eventFromRow,
      );
    },

    async outlineHistory(stream, organization, range) {
      const rows = await readHistory(database, "history-outline", stream, organization, range);
      return rows.map(outlinedEventFromRow);
    },

    async locate(uniqueKey: string) {
      const [row] = await database.read({
        name: "locate",
        text: `select stream, organization from heads
          where stream = (select stream from claims where name = $1)`,
        values: [uniqueKey],
      });
      return row && { stream: String(row.stream), organization: String(row.organization) };
    },

    async ping() {
      // A small table that every node of a cluster has: users may be on one that is gone.
      await database.read({ name: "ping", text: "select 1 from schema_versions limit 1" });
    },
  };
}

const historyColumns = { history: eventColumns, "history-outline": outlinedEventColumns } as const;

function readHistory(
  database: Postgres,
  what: keyof typeof historyColumns,
  stream: string,
  organization: string,
  { after, before = noVersion, limit, maxBytes, ascending }: HistoryRange,
) {
  const order = ascending ? "asc" : "desc";
  const values = [stream, organization, after, before, limit];
  const found = `from events
      where stream = $1 and exists (select 1 from heads where stream = $1 and organization = $2)
      and version > $3::bigint and version < $4::bigint order by version ${order} limit $5::bigint`;
  const name = `${what}-${order}`;
  const columns = historyColumns[what];
  const lane = laneOf(database, stream);
  if (maxBytes === undefined) {
    return database.read({ name, text: `select ${columns} ${found}`, values }, lane);
  }
  // The length of a long value is known without reading it.
  return database.read(
    {
      name: `${name}-bounded`,
      text: `select ${columns} from (
        select *, sum(octet_length(data)) over (order by version ${order}) - octet_length(data) as ahead
        from (select * ${found}) as found
      ) as measured where ahead < $6::bigint order by version ${order}`,
      values: [...values, maxBytes],
    },
    lane,
  );
}

async function readTips(database: Postgres, streams: readonly string[], lane: string | undefined) {
  const tips = (some: readonly string[]) => ({
    text: `select ${tipColumns} from heads where stream = any ($1::text[])`,
    values: [some],
  });
  const rows =
    (await readOfStreams(database, streams, tips, tipColumns)) ??
    (await database.read({ name: "tips", ...tips(streams) }, lane));
  return tipsFromRows(rows, streams);
}

/** The groups of batches, and the connections that they use: all are of one where rows are not distributed. */
function groupingOf({ shards }: Postgres) {
  return {
    groupOf: (stream: string) => shards.placeOf(stream)?.group ?? "",
    laneOf: (stream: string) => laneOf({ shards }, stream),
  };
}

/** The connection of a stream; always the same, so that its appends keep their order. */
function placeOf(stream: string, places: number): number {
  let hash = 0;
  for (let index = 0; index < stream.length; index += 1) {
    hash = (Math.imul(hash, 31) + stream.charCodeAt(index)) | 0;
  }
  return (hash >>> 0) % places;
}
