import { createQueue } from "../../change/one-after-another.ts";
import { StoreUnavailableError } from "../../event-store.ts";
import { tipColumns, tipsFromRows } from "../../sql/rows.ts";
import { insertRows } from "../append/insert-rows.ts";
import type { PipelineStatement } from "../connection/pipeline.ts";
import { beginReadCommitted } from "../connection/transaction.ts";
import type { Postgres } from "../database.ts";
import { unavailableFrom } from "../postgres-error.ts";
import { createLanes } from "../shards/lanes.ts";
import { laneOfNode } from "../shards/shard-map.ts";

/** Waits for changes that only some nodes of a cluster show yet. */
export type WholeChanges = {
  /**
   * Wait until the nodes of some streams, and of their unique keys, show all that was committed.
   *
   * @throws StoreUnavailableError if one does not so within the time that a statement has, or if others keep it waiting
   *   for longer than twice that time.
   */
  shown(streams: readonly string[]): Promise<void>;
  close(): Promise<void>;
};

/**
 * In milliseconds. Whoever waits behind others for longer is refused: each of them may take 5 s if somebody has locked
 * its rows, and there may be any number of them. One of them alone makes nobody wait for so long.
 */
const patienceMs = 10_000;

const tooLate = "PostgreSQL: too many wait for a node of the cluster to show all of a change";

type Database = Pick<Postgres, "link" | "read" | "shards" | "hanging" | "uniqueKeysOf">;

/**
 * The nodes of a cluster show a change one after the other, and one that loses its connection in between shows it a
 * minute later. Whoever has seen a part of a change must not tell of it until the rest is there.
 *
 * To wait, each row is inserted in a transaction that is rolled back: PostgreSQL lets the insert wait for all
 * transactions that insert, change or delete the row.
 */
export function createWholeChanges(database: Database): WholeChanges {
  // Whoever waits for a node holds a connection, and so those of other nodes have their own.
  const links = createLanes(() => ({ ...database.link(), inTurn: createQueue() }));

  function refuseIfHanging(node: string | undefined): void {
    const problem = database.hanging?.problem([node]);
    if (problem !== undefined) throw problem;
  }

  /** @returns Which of the rows are there. */
  async function waitFor(
    node: string | undefined,
    inserts: readonly PipelineStatement[],
  ): Promise<boolean[]> {
    refuseIfHanging(node);
    const { get, inTurn } = links.get(node);
    const askedAt = performance.now();
    const results = await inTurn(async () => {
      refuseIfHanging(node);
      if (performance.now() - askedAt > patienceMs) throw new StoreUnavailableError(tooLate);
      const connection = await get();
      const all = [{ text: beginReadCommitted }, ...inserts, { text: "rollback" }];
      return connection.run(all).catch((error: unknown) => {
        // Its transaction is open.
        connection.destroy();
        throw unavailableFrom(error);
      });
    });
    return inserts.map((_, place) => results[place + 1]?.length === 0);
  }

  /** @returns The unique keys of those streams that are there. */
  async function keysOfShown(
    node: string | undefined,
    streams: readonly string[],
  ): Promise<string[]> {
    const isThere = await waitFor(node, streams.flatMap(insertOfHead));
    // Where there is no head, a call was refused, and nothing was changed.
    const there = streams.filter((_, place) => isThere[place]);
    const text = `select ${tipColumns} from heads where stream = any ($1::text[])`;
    const rows = await database.read({ name: "tips", text, values: [there] }, laneOfNode(node));
    return tipsFromRows(rows, there).flatMap((tip) =>
      tip === undefined ? [] : (database.uniqueKeysOf(tip.head.state) ?? []),
    );
  }

  return {
    async shown(streams) {
      const sorted = [...new Set(streams)].filter((stream) => stream !== "").sort();
      const ofNodes = Map.groupBy(sorted, (stream) => database.shards.placeOf(stream)?.node);
      const keys = await Promise.all([...ofNodes].map(([node, own]) => keysOfShown(node, own)));
      const namesOfNodes = Map.groupBy(keys.flat().sort(), (name) =>
        database.shards.nodeOfName("claims", name),
      );
      await Promise.all(
        [...namesOfNodes].map(([node, own]) => waitFor(node, own.flatMap(insertOfName))),
      );
    },
    close: links.close,
  };
}

const noChange = "00000000-0000-0000-0000-000000000000";

function insertOfHead(stream: string): PipelineStatement[] {
  return insertRows("heads", [[stream, "", 0, noChange, 0, 0, "{}", null]]);
}

function insertOfName(name: string): PipelineStatement[] {
  return insertRows("claims", [[name, ""]]);
}
