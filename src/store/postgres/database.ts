import { type KeysOf, StoreOverloadedError, StoreUnavailableError } from "../event-store.ts";
import type { NodeState, UpgradeProgress } from "../observer.ts";
import { SearchTooBroadError } from "../search.ts";
import type { Row } from "../sql/rows.ts";
import type { UniqueKeysOf } from "../sql/unique-keys.ts";
import { createHangingNodes, type HangingNodes } from "./cluster/hanging-nodes.ts";
import { watchNodes } from "./cluster/watch-nodes.ts";
import type { Statement } from "./connection/connection.ts";
import {
  type ConnectionOptions,
  connectToPlace,
  connectToPrimary,
  rememberPrimaries,
} from "./connection/connector.ts";
import { createLink, type Link } from "./connection/link.ts";
import { queryUntil, toScan } from "./connection/scan.ts";
import { createServerMemory } from "./connection/server-memory.ts";
import {
  outcomeFromError,
  sqlState,
  sqlStateOf,
  UnsafeServerError,
  unavailableFrom,
} from "./postgres-error.ts";
import { createReaders } from "./readers.ts";
import { maxRetries, pauseBeforeRetry } from "./retry.ts";
import { createLanes } from "./shards/lanes.ts";
import { createPartReads, type PartReads } from "./shards/part-reads.ts";
import { createShardMap, isAmong, nodeOfLane, type ShardMap } from "./shards/shard-map.ts";
import { prepareDatabase } from "./upgrade/prepare-database.ts";

/** One database, shared by the event store and the directory. */
export type Postgres = {
  readonly keysOf: KeysOf<unknown>;
  readonly uniqueKeysOf: UniqueKeysOf<unknown>;
  /**
   * Read. Sent again if the connection is lost.
   *
   * @param lane Of the only place that is read, if that is known: see `Place`.
   * @throws StoreUnavailableError if the database cannot be read.
   * @throws StoreOverloadedError if too many statements wait for an answer.
   */
  read(statement: Statement, lane?: string): Promise<Row[]>;
  /**
   * Read something that takes long, on a connection of its own. One statement at a time.
   *
   * @param signal If it is aborted, the statement is cancelled, and this rejects with the signal's reason.
   * @throws SearchTooBroadError if it takes longer than a statement may.
   * @throws StoreUnavailableError if the database cannot be read.
   */
  scan(statement: Statement, signal?: AbortSignal): Promise<Row[]>;
  /** Where the rows of streams stand. */
  readonly shards: ShardMap;
  /** The nodes that hang; `undefined` on a database that has only one. */
  readonly hanging?: HangingNodes;
  /** Reads parts of tables where they stand; `undefined`: they are not distributed. */
  readonly parts?: PartReads;
  /** A connection for statements that write; each `link` is another one. */
  link(): Link;
  /** Whether the tables are distributed over several nodes. */
  readonly isCluster: boolean;
  /**
   * Look every few seconds which nodes answer; `undefined` on a database that has only one.
   *
   * @returns Stops it. To be called before `release`.
   */
  readonly watchNodes?: (seen: (nodes: readonly NodeState[]) => void) => () => Promise<void>;
  acquire(): void;
  /** Call once for each `acquire`: the last one closes the connections. */
  release(): Promise<void>;
};

type OpenOptions<State> = {
  readonly uniqueKeysOf?: UniqueKeysOf<State>;
  readonly mayCreate?: boolean;
  readonly upgrading?: UpgradeProgress | undefined;
};

/**
 * Open a database, and bring its schema up to date.
 *
 * @param url Such as `postgres://user:password@host1,host2/database`.
 * @param keysOf Must always be the same for a database. Default: searches find nothing.
 * @param options.uniqueKeysOf For databases whose unique keys were made by older rules.
 * @param options.upgrading Hears of a migration that takes long. Default: nobody does.
 * @param options.mayCreate Whether to set up a database that has no tables of ours. Default: true.
 * @throws StoreUnavailableError if no primary can be reached, there are no tables and may be none, or
 *   its commits wait for a standby that is missing.
 * @throws UnsafeServerError if it may lose what it acknowledges, cannot store all texts, or is behind
 *   a pooler that hands out connections by the transaction.
 * @throws Error if the database's schema is newer than this program.
 */
export async function openPostgres<State>(
  url: string,
  keysOf: KeysOf<State> = () => undefined,
  { uniqueKeysOf = () => undefined, mayCreate = true, upgrading }: OpenOptions<State> = {},
): Promise<Postgres> {
  const untyped = {
    keysOf: keysOf as KeysOf<unknown>,
    uniqueKeysOf: uniqueKeysOf as UniqueKeysOf<unknown>,
  };
  const memory = createServerMemory();
  const connect = (options: ConnectionOptions = {}) =>
    connectToPrimary(url, { ...options, memory });
  await rememberPrimaries(url, memory);
  const cluster = await prepareDatabase(connect, { ...untyped, mayCreate, upgrading });

  const readers = createLanes(() =>
    createReaders(() => connect({ pipeline: true }).catch(asUnavailable)),
  );
  const scanner = createLink(() => connect().then(toScan).catch(asUnavailable));
  const links: Link[] = [];
  let users = 0;

  const readLane = (statement: Statement, lane?: string) =>
    withRetries(() => readers.get(lane).read(statement));
  const shards = await createShardMap(readLane).catch(async (error: unknown) => {
    await readers.close().catch(() => {});
    throw error;
  });
  const hanging = cluster && createHangingNodes();
  const parts =
    hanging &&
    createPartReads({
      hanging,
      connect: async (server, use) => {
        const connection = await connectToPlace(url, server, { memory });
        return use === "scan" ? toScan(connection) : connection;
      },
      shards,
    });

  const read: Postgres["read"] =
    hanging === undefined
      ? readLane
      : (statement, lane) => hanging.guard(nodeOfLane(lane), () => readLane(statement, lane));
  shards.whenRenewed((nodes) => {
    readers.keep((lane) => isAmong(nodes, lane));
    parts?.keep(new Set(shards.parts()?.map(({ server }) => server)));
  });

  function newLink(options: ConnectionOptions): Link {
    const made = createLink(() => connect(options).catch(asUnavailable));
    links.push(made);
    return made;
  }
  const link = () => newLink({ writes: true });

  return {
    ...untyped,
    isCluster: cluster !== undefined,
    // Citus warns of a node that does not answer. Where statements write, that would end the connection.
    ...(hanging && { hanging, watchNodes: (seen) => watchNodes(newLink({}), hanging, seen) }),
    link,
    read,
    shards,
    ...(parts && { parts }),
    scan: (statement, signal) => withRetries(() => scanOnce(scanner, statement, signal), signal),
    acquire() {
      users += 1;
    },
    async release() {
      users -= 1;
      if (users > 0) return;
      shards.close();
      const all = [readers, scanner, ...links, ...(parts ? [parts] : [])];
      await Promise.all(all.map((each) => each.close()));
    },
  };
}

async function scanOnce(
  scanner: Link,
  statement: Statement,
  signal: AbortSignal | undefined,
): Promise<Row[]> {
  try {
    return await queryUntil(await scanner.get(), statement, signal);
  } catch (error) {
    if (sqlStateOf(error) !== sqlState.queryCanceled) throw error;
    throw new SearchTooBroadError("the search took too long", { cause: error });
  }
}

async function withRetries(
  readOnce: () => Promise<Row[]>,
  signal?: AbortSignal | undefined,
): Promise<Row[]> {
  for (let retries = 0; ; retries += 1) {
    try {
      return await readOnce();
    } catch (error) {
      signal?.throwIfAborted();
      const outcome = isOurs(error) ? "bug" : outcomeFromError(error);
      if (outcome === "bug") throw error;
      if (outcome === "unavailable" || retries === maxRetries) throw unavailableFrom(error);
    }
    await pauseBeforeRetry();
  }
}

const ours = [StoreUnavailableError, StoreOverloadedError, SearchTooBroadError];

function isOurs(error: unknown): boolean {
  return ours.some((kind) => error instanceof kind);
}

/** A server that was safe at the start may have been restarted with other settings. */
function asUnavailable(error: unknown): never {
  throw error instanceof UnsafeServerError ? unavailableFrom(error) : error;
}
