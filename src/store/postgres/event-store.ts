import type { Tip } from "../change/append.ts";
import { createBatcher } from "../change/batch/batcher.ts";
import { sizeOfItem } from "../change/batch/item-size.ts";
import { createChangeAll } from "../change/change-all.ts";
import { createStreamQueue } from "../change/queue/stream-queue.ts";
import { createReceiptKeeper, type ReceiptBounds } from "../change/receipt-keeper.ts";
import type { EventStore, Head, Micros } from "../event-store.ts";
import type { RetryReason, StoreObserver } from "../observer.ts";
import { eventFromRow, outlinedEventFromRow, tipColumns, tipsFromRows } from "../sql/rows.ts";
import { createCommit } from "./append/commit.ts";
import { createJointCommit } from "./append/joint-change.ts";
import { createReceiptReader } from "./append/receipts.ts";
import { findAttributes, readAttributes, readOutline } from "./attributes.ts";
import type { Statement } from "./connection/connection.ts";
import type { Postgres } from "./database.ts";
import { createCountFolder } from "./fold-counts.ts";
import { rowWithHeldKeys } from "./held-keys.ts";
import { readHistory } from "./history.ts";
import { createPostgresSearch } from "./search.ts";
import { groupingOf, placeOf } from "./shards/grouping.ts";
import { problemOfItem, withoutHanging } from "./shards/hanging-items.ts";
import { createLanes } from "./shards/lanes.ts";
import { readOfStreams } from "./shards/read-of-streams.ts";
import { isAmong, laneOfNode, nodeOfLane } from "./shards/shard-map.ts";

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
    createBatcher((streams: readonly string[]) => readTips(database, streams, lane), { groupOf }),
  );
  database.shards.whenRenewed((nodes) => loads.keep((lane) => isAmong(nodes, lane)));
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
  const commits = createLanes(() => {
    const link = database.link();
    const commit = withoutHanging(database, createCommit(link, retried, database.isCluster));
    const ended = observer?.committed;
    const batcher = createBatcher(commit, { ended, sizeOf: sizeOfItem, groupOf });
    return { ...batcher, close: () => batcher.close().then(link.close) };
  });
  database.shards.whenRenewed((nodes) => commits.keep((lane) => isAmong(nodes, lane)));
  database.hanging?.whenHanging((node, problem) => {
    for (const { refuseWaiting } of commits.some((lane) => nodeOfLane(lane) === node)) {
      refuseWaiting(problem);
    }
  });
  const commitOf = (queue: string) =>
    commits.get(laneOf(queue) ?? String(placeOf(queue, commitConnections)));
  const { close: closeReader, ...receiptReader } = createReceiptReader(database);
  const receipts = createReceiptKeeper({
    ...receiptReader,
    readsAhead: true,
    looksFirst: true,
    async write(item, name) {
      const problem = problemOfItem(database, item);
      if (problem !== undefined) throw problem;
      return commitOf(name).add(item, name);
    },
    now,
    ...bounds,
  });
  const counts = createCountFolder(database);
  const commitAll = createJointCommit({ link: database.link(), database, now, retried });
  const queue = createStreamQueue({
    load,
    async append(append, signal) {
      const row = rowWithHeldKeys(append, database.keysOf, database.uniqueKeysOf);
      const problem = problemOfItem(database, row);
      if (problem !== undefined) throw problem;
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
      if (database.isCluster) return locateByNode(database, loadTip, uniqueKey);
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

/**
 * The name and the head may be on two nodes, and nobody should wait for one who asks only the other. One node may show
 * a change before the other one does, or after it. The head tells which name the stream has.
 */
async function locateByNode(database: Postgres, loadTip: Load, name: string) {
  const text = "select stream from claims where name = $1";
  const lane = laneOfNode(database.shards.nodeOfName("claims", name));
  const [claim] = await database.read({ name: "claim", text, values: [name] }, lane);
  if (claim === undefined) return undefined;
  const stream = String(claim.stream);
  const tip = await loadTip(stream);
  if (tip === undefined) return undefined;
  const { organization, state } = tip.head;
  const isHeld = database.uniqueKeysOf(state)?.includes(name) ?? true;
  return isHeld ? { stream, organization } : undefined;
}

/**
 * For a server that has all rows. If the planner sees a short list, it makes a new plan for it each time, which takes as
 * long as to read the rows. So it is given a single value, or a list that it cannot see before the statement runs.
 */
function tipsOfServer(streams: readonly string[]): Statement {
  const text = `select ${tipColumns} from heads where stream =`;
  if (streams.length === 1) return { name: "tip", text: `${text} $1`, values: [streams[0]] };
  const list = "any (array(select unnest($1::text[])))";
  return { name: "tips-of-server", text: `${text} ${list}`, values: [streams] };
}

async function readTips(database: Postgres, streams: readonly string[], lane: string | undefined) {
  const tips = (some: readonly string[]) => ({
    text: `select ${tipColumns} from heads where stream = any ($1::text[])`,
    values: [some],
  });
  const whole = () =>
    database.isCluster ? { name: "tips", ...tips(streams) } : tipsOfServer(streams);
  const rows =
    (await readOfStreams(database, streams, tips, tipColumns)) ??
    (await database.read(whole(), lane));
  return tipsFromRows(rows, streams);
}
