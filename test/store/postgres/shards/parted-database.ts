import { setTimeout as pause } from "node:timers/promises";
import type { KeysOf } from "../../../../src/store/event-store.ts";
import { createHangingNodes } from "../../../../src/store/postgres/cluster/hanging-nodes.ts";
import { connectToPlace } from "../../../../src/store/postgres/connection/connector.ts";
import { openPostgres, type Postgres } from "../../../../src/store/postgres/database.ts";
import { hashText } from "../../../../src/store/postgres/shards/hash-text.ts";
import {
  createPartReads,
  type PartReads,
} from "../../../../src/store/postgres/shards/part-reads.ts";
import { createShardMap, partedTables } from "../../../../src/store/postgres/shards/shard-map.ts";
import type { Row } from "../../../../src/store/sql/rows.ts";
import { query } from "../../../support/postgres.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";

const shardCount = 4;
const firstShard = 101;

/** A database whose tables look as if they were distributed: each part is a view, and the server says that it has it. */
export type PartedDatabase = {
  readonly url: string;
  readonly database: Postgres;
  readonly parts: PartReads;
  /** Reads of parts that the engine was asked for in their place. */
  readonly missed: () => number;
  /** Let the server say that it has these shards, and no others. */
  have(shards: readonly number[]): Promise<void>;
};

/** @param isPatient Wait until the server is connected, so that nothing is missed. */
export async function newPartedDatabase<State>(
  keysOf?: KeysOf<State>,
  isPatient = true,
): Promise<PartedDatabase> {
  const url = await newPostgresDatabase();
  const whole = await openPostgres(url, keysOf);
  await query(url, catalogueSql());
  const { hostname, port } = new URL(url);
  const rows = shardRows(hostname, port);
  const shards = await createShardMap(async ({ text, values }) => {
    if (text.includes("to_regclass")) return [{ found: 1 }];
    if (text.includes("'claims'")) return [];
    if (!text.includes("hashtext")) return rows;
    return (values as [string[]])[0].map((each) => ({ hash: hashText(each) }));
  });
  const reads = createPartReads({
    connect: (server) => connectToPlace(url, server),
    shards,
    hanging: createHangingNodes(),
  });
  let misses = 0;
  let isReleased = false;
  const counted = async <Answer>(ask: () => Promise<Answer | undefined>) => {
    for (let left = isPatient ? 200 : 1; left > 0 && !isReleased; left -= 1) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (left > 1) await pause(20);
    }
    if (!isReleased) misses += 1;
    return undefined;
  };
  const parts: PartReads = {
    ...reads,
    ask: (questions) => counted(() => reads.ask(questions)),
    scan: (questions, signal) => counted(() => reads.scan(questions, signal)),
  };
  const database: Postgres = {
    ...whole,
    isCluster: true,
    shards,
    parts,
    async release() {
      isReleased = true;
      shards.close();
      await reads.close();
      await whole.release();
    },
  };
  return {
    url,
    database,
    parts,
    missed: () => misses,
    async have(wanted) {
      await query(
        url,
        `delete from pg_dist_placement where not shardid = any ('{${wanted.join(",")}}')`,
      );
    },
  };
}

function shardRows(nodename: string, nodeport: string): Row[] {
  return Array.from({ length: shardCount }, (_, place) => {
    const shardid = String(firstShard + place);
    const names = Object.fromEntries(partedTables.map((table) => [table, `${table}_${shardid}`]));
    return { shardid, least: leastOf(place), nodeid: 1, nodename, nodeport, names };
  });
}

function leastOf(place: number): number {
  return -(2 ** 31) + place * (2 ** 32 / shardCount);
}

function catalogueSql(): string {
  const places = Array.from({ length: shardCount }, (_, place) => place);
  const views = places.flatMap((place) =>
    partedTables.map(
      (table) => `create view ${table}_${firstShard + place} as select * from ${table}
        where hashtext(stream)::bigint >= ${leastOf(place)} and hashtext(stream)::bigint < ${leastOf(place + 1)}`,
    ),
  );
  // A real part has numbers of its own: without them, PostgreSQL takes each of the views to be nearly empty.
  const statistics = partedTables.map(
    (table) => `create statistics ${table}_parts on (hashtext(stream)::bigint) from ${table}`,
  );
  const shards = places.map((place) => `(${firstShard + place}, 1, 1)`).join(", ");
  return `create table pg_dist_local_group (groupid integer);
    insert into pg_dist_local_group values (1);
    create table pg_dist_placement (shardid bigint, shardstate integer, groupid integer);
    insert into pg_dist_placement values ${shards};
    ${views.join(";\n")};
    ${statistics.join(";\n")}`;
}
