import type { Row } from "../../sql/rows.ts";
import type { Statement } from "../connection/connection.ts";
import { encodedHost } from "../connection/url.ts";
import { hashText } from "./hash-text.ts";

/** Tables that are distributed by the stream, as far as their parts are read one by one. */
export const partedTables = ["heads", "search_keys", "head_counts", "attributes"] as const;

/** A part of the tables that are distributed by the stream: a shard of each. They stand together. */
export type Part = {
  /** The number of the shard of `heads`. */
  readonly shard: string;
  /** The number of the node that has it. */
  readonly node: string;
  /** The server that has it: a host with its port, as in a URL. */
  readonly server: string;
  /** What the server calls its shard of each table. */
  readonly names: Readonly<Record<string, string>>;
};

/** Where the rows of a stream stand. */
export type Place = {
  /** Streams of one group stand together, so one statement reads or writes them at one server. */
  readonly group: string;
  /** The number of the node. */
  readonly node: string;
  /** Whoever uses it has connections of its own, because a server that hangs holds a connection. */
  readonly lane: string;
};

/**
 * The places of streams. A wrong map costs time: the server finds the rows by itself. For as long as it lacks a split, the
 * total of a search may count some people of the two new parts twice or not at all, while their numbers are added up.
 */
export type ShardMap = {
  /** `undefined`: the rows are not distributed. */
  placeOf(stream: string): Place | undefined;
  /** The part that a stream belongs to; `undefined`: it is not known what its server calls it. */
  partOf(stream: string): Part | undefined;
  /** The node that has a user name or the name of a receipt; `undefined`: it is not known, or all have it. */
  nodeOfName(table: "claims" | "receipts", name: string): string | undefined;
  /** All parts; `undefined`: some are not known. */
  parts(): readonly Part[] | undefined;
  /** Read the map anew soon, because shards may have been moved or split. */
  renew(): void;
  /** @param listener Called after the map was read anew, with the nodes that have shards. */
  whenRenewed(listener: (nodes: ReadonlySet<string>) => void): void;
  close(): void;
};

/** The node that a lane leads to; `undefined`: the lane leads to no node alone. */
export function nodeOfLane(lane: string | undefined): string | undefined {
  const [node, place] = lane?.split(".") ?? [];
  return place === undefined ? undefined : node;
}

/** Whether a lane leads to one of some nodes, or to no node alone. */
export function isAmong(nodes: ReadonlySet<string>, lane: string): boolean {
  const node = nodeOfLane(lane);
  return node === undefined || nodes.has(node);
}

/** The lane for what asks all nodes. It waits for a node that hangs, and nothing else should wait with it. */
export const laneOfAll = "all";

/** The lane for what concerns a node, and no stream. */
export function laneOfNode(node: string | undefined): string | undefined {
  return node && `${node}.0`;
}

/** The connections that reads of a stream use; `undefined`: those of all. */
export function laneOf(
  { shards }: { readonly shards: ShardMap },
  stream: string,
): string | undefined {
  return shards.placeOf(stream)?.lane;
}

type Shard = {
  readonly least: number;
  readonly place: Place;
  readonly part: Part | undefined;
};

type NameShard = { readonly least: number; readonly node: string };

/** The map is read anew this often, because nothing tells of a move. */
const renewEveryMs = 30_000;
/** When somebody asks for a new map, it is read no more often than this. */
const renewAtMostEveryMs = 1_000;

/**
 * Shards that share a connection for batches. While one batch waits for the disk, the other uses the processor; with
 * a connection for each shard the batches are smaller.
 */
const shardsPerLane = 2;

/** How many texts are hashed on both sides at the start. */
const probe = ["", "a", "twelve bytes", "Ünïcödé and more than twelve bytes"];

/**
 * @param read Reads at any node.
 */
export async function createShardMap(
  read: (statement: Statement) => Promise<readonly Row[]>,
): Promise<ShardMap> {
  let shards: readonly Shard[] = [];
  let ofNames: ReadonlyMap<unknown, readonly NameShard[]> = new Map();
  const listeners: ((nodes: ReadonlySet<string>) => void)[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  async function renewNow(): Promise<void> {
    readAt = performance.now();
    try {
      shards = shardsFromRows(await read({ text: shardsText }));
      const named = await read({ text: nameShardsText });
      ofNames = Map.groupBy(
        named.map((row) => ({
          table: row.table,
          least: Number(row.least),
          node: String(row.nodeid),
        })),
        ({ table }) => table,
      );
      const nodes = new Set([
        ...shards.map(({ place }) => place.node),
        ...named.map(({ nodeid }) => String(nodeid)),
      ]);
      for (const tell of listeners) tell(nodes);
    } catch {
      // The old map stays in use.
    }
  }

  const isKnown = await isDistributed(read);
  if (isKnown) {
    await renewNow();
    timer = setInterval(renewNow, renewEveryMs).unref();
  }

  return {
    placeOf: (stream) => shardAmong(shards, stream)?.place,
    partOf: (stream) => shardAmong(shards, stream)?.part,
    nodeOfName: (table, name) => shardAmong(ofNames.get(table) ?? [], name)?.node,
    parts() {
      const parts = shards.flatMap(({ part }) => part ?? []);
      return parts.length === 0 || parts.length < shards.length ? undefined : parts;
    },
    renew() {
      if (isKnown && performance.now() - readAt >= renewAtMostEveryMs) void renewNow();
    },
    whenRenewed(listener) {
      listeners.push(listener);
    },
    close: () => clearInterval(timer),
  };
}

/** Shards of different tables that begin at the same hash and stand at the same server hold the same streams. */
const shardsText = `select s.shardid, s.shardminvalue::integer as least, n.nodeid, n.nodename, n.nodeport, (
    select json_object_agg(t.logicalrelid::text, t.logicalrelid::text || '_' || t.shardid)
    from pg_dist_shard t join pg_dist_placement q on q.shardid = t.shardid and q.groupid = p.groupid
    where t.shardminvalue = s.shardminvalue and t.shardmaxvalue = s.shardmaxvalue
      and t.logicalrelid::text in (${partedTables.map((table) => `'${table}'`).join(", ")})
  ) as names
  from pg_dist_shard s
  join pg_dist_placement p on p.shardid = s.shardid and p.shardstate = 1
  join pg_dist_node n on n.groupid = p.groupid and n.noderole = 'primary'
  where s.logicalrelid = 'heads'::regclass and s.shardminvalue is not null
  order by s.shardminvalue::integer, s.shardid`;

const nameShardsText = `select s.logicalrelid::text as table, s.shardminvalue::integer as least, n.nodeid
  from pg_dist_shard s
  join pg_dist_placement p on p.shardid = s.shardid and p.shardstate = 1
  join pg_dist_node n on n.groupid = p.groupid and n.noderole = 'primary'
  where s.logicalrelid::text in ('claims', 'receipts') and s.shardminvalue is not null
  order by s.shardminvalue::integer`;

/** Whether `heads` is distributed by a hash that we make as the server does. */
async function isDistributed(
  read: (statement: Statement) => Promise<readonly Row[]>,
): Promise<boolean> {
  const [catalogue] = await read({
    text: "select 1 as found from pg_class where oid = to_regclass('pg_catalog.pg_dist_shard')",
  });
  if (catalogue === undefined) return false;
  const rows = await read({
    text: "select hashtext(t) as hash from unnest($1::text[]) with ordinality as p (t, n) order by n",
    values: [probe],
  });
  return probe.every((text, index) => Number(rows[index]?.hash) === hashText(text));
}

function shardsFromRows(rows: readonly Row[]): Shard[] {
  const ofNode = new Map<string, number>();
  return rows.map(({ shardid, least, nodeid, ...row }) => {
    const node = String(nodeid);
    const before = ofNode.get(node) ?? 0;
    ofNode.set(node, before + 1);
    const lane = `${node}.${Math.floor(before / shardsPerLane)}`;
    const group = String(shardid);
    return {
      least: Number(least),
      place: { group, lane, node },
      part: partFromRow(group, node, row),
    };
  });
}

function partFromRow(
  shard: string,
  node: string,
  { nodename, nodeport, names }: Row,
): Part | undefined {
  const known = Object(names) as Readonly<Record<string, string>>;
  if (partedTables.some((table) => known[table] === undefined)) return undefined;
  return { shard, node, server: `${encodedHost(String(nodename))}:${nodeport}`, names: known };
}

/** The last shard that begins at the hash of a text or before it. */
function shardAmong<Any extends { readonly least: number }>(
  shards: readonly Any[],
  text: string,
): Any | undefined {
  if (shards.length === 0) return undefined;
  const hash = hashText(text);
  let low = 0;
  let high = shards.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((shards[middle] as Any).least <= hash) low = middle;
    else high = middle - 1;
  }
  return shards[low];
}
