import type { ReceiptRow } from "../../change/append-row.ts";
import type { LoneReceipt, Removal } from "../../change/batch/batch-item.ts";
import { createBatcher } from "../../change/batch/batcher.ts";
import type { ReceiptKeeperOptions, StoredReceipt } from "../../change/receipt-keeper.ts";
import type { Micros } from "../../event-store.ts";
import type { ReceiptName } from "../../receipts.ts";
import { createWholeChanges } from "../cluster/whole-changes.ts";
import type { Statement } from "../connection/connection.ts";
import type { WireValue } from "../connection/wire-values.ts";
import type { Postgres } from "../database.ts";
import { createLanes } from "../shards/lanes.ts";
import { laneOfAll, laneOfNode } from "../shards/shard-map.ts";
import type { Chain } from "./append-batch.ts";

/** A name as one text, the same for no two names. */
export function textFromName(owner: string, name: string): string {
  return `${owner.length} ${owner}${name}`;
}

/** A receipt that is to be stored. */
export type ReceiptInsert = {
  /** The stream of the change that brings it; `null`: it has none. */
  readonly chain: string | null;
  readonly owner: string;
  readonly name: string;
  /** As `textFromName` writes it. */
  readonly text: string;
  /** Of its row. */
  readonly values: readonly WireValue[];
};

/** The receipts of a round, in the order of their names: otherwise two nodes could wait for each other. */
export function receiptsOf(
  chains: readonly Chain[],
  lone: readonly LoneReceipt[],
): readonly ReceiptInsert[] {
  const ofChains = chains.flatMap(({ rows }) =>
    rows.flatMap(({ stream, receipt }) =>
      receipt === undefined ? [] : [receiptInsert(stream, stream, receipt)],
    ),
  );
  const all = [...ofChains, ...lone.map((each) => receiptInsert(null, each.stream, each.lone))];
  return all.sort((a, b) => (a.text < b.text ? -1 : 1));
}

function receiptInsert(
  chain: string | null,
  stream: string,
  [owner, name, at, content]: ReceiptRow,
): ReceiptInsert {
  const text = textFromName(owner, name);
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return { chain, owner, name, text, values: [owner, name, stream, at, bytes] };
}

/**
 * Removals, in a statement for those with a name and one for the oldest. Several servers remove the oldest at
 * once, so each takes those that no other one takes.
 */
export function removalStatements(removals: readonly Removal[], isCluster: boolean): Statement[] {
  if (isCluster) return removals.map(distributedRemoval);
  const statements: Statement[] = [];
  const named: { readonly name: ReceiptName; readonly before: Micros }[] = [];
  for (const { before, of } of removals) {
    if (typeof of !== "number") named.push({ name: of, before });
    else statements.push(oldestStatement(before, of));
  }
  if (named.length === 0) return statements;
  return [
    ...statements,
    {
      name: "remove-older-receipts",
      text: `with locked as (
          select r.owner, r.name, r.at, n.before
          from unnest($1::text[], $2::text[], $3::bigint[]) as n (owner, name, before)
          join receipts r on r.owner = n.owner and r.name = n.name
          order by r.owner, r.name for update of r
        )
        delete from receipts r using locked l
        where r.owner = l.owner and r.name = l.name and l.at < l.before`,
      values: [
        named.map(({ name }) => name.owner),
        named.map(({ name }) => name.name),
        named.map(({ before }) => before),
      ],
    },
  ];
}

/** Rows of several nodes cannot be locked together, so servers may wait for each other for a moment. */
function distributedRemoval({ before, of }: Removal): Statement {
  if (typeof of !== "number") {
    return {
      name: "remove-older-receipt",
      text: "delete from receipts where owner = $1 and name = $2 and at < $3::bigint",
      values: [of.owner, of.name, before],
    };
  }
  return {
    name: "remove-oldest-receipts",
    text: `delete from receipts where at < $1::bigint and name = any (array(
        select name from receipts where at < $1::bigint order by at limit $2::bigint
      ))`,
    values: [before, of],
  };
}

function oldestStatement(before: Micros, limit: number): Statement {
  return {
    name: "remove-oldest-receipts",
    text: `delete from receipts r using (
        select owner, name from receipts where at < $1::bigint
        order by at limit $2::bigint for update skip locked
      ) as oldest where r.owner = oldest.owner and r.name = oldest.name`,
    values: [before, limit],
  };
}

/** Reads receipts. Those that are asked for during a read are read together next. */
export function createReceiptReader(
  database: Postgres,
): Pick<ReceiptKeeperOptions, "read" | "count" | "hasOlder"> & { close(): Promise<void> } {
  const reads = createLanes((lane) =>
    createBatcher((names: readonly ReceiptName[]) => readAll(database, names, lane)),
  );
  const ofAll = database.isCluster ? laneOfAll : undefined;
  const laneOf = (name: string) => laneOfNode(database.shards.nodeOfName("receipts", name));
  const changes = database.isCluster ? createWholeChanges(database) : undefined;
  return {
    async read(name, streams) {
      const stored = await reads.get(laneOf(name.name)).add(name, name.owner);
      // It may be seen before its change is, because the two may stand on two nodes.
      if (stored !== undefined) await changes?.shown([stored.stream, ...streams]);
      return stored;
    },
    async count(owner, limit) {
      const statement = {
        name: "count-receipts",
        text: `select count(*) as receipts
          from (select 1 from receipts where owner = $1 limit $2::bigint) as found`,
        values: [owner, limit],
      };
      const [row] = await database.read(statement, ofAll);
      return Number(row?.receipts);
    },
    async hasOlder(than) {
      const text = "select 1 from receipts where at < $1::bigint limit 1";
      const statement = { name: "has-older-receipts", text, values: [than] };
      const rows = await database.read(statement, ofAll);
      return rows.length > 0;
    },
    async close() {
      await reads.close();
      await changes?.close();
    },
  };
}

type ReceiptOfStream = StoredReceipt & { readonly stream: string };

/** The limit keeps the planner from reading the whole index. */
const namedReceipts = `select r.owner, r.name, r.stream, r.at, r.content
  from unnest($1::text[], $2::text[]) as n (owner, name)
  cross join lateral (
    select * from receipts where receipts.owner = n.owner and receipts.name = n.name limit 1
  ) as r`;

/** The names lead to the nodes. */
const namedReceiptsOfNodes = `select r.owner, r.name, r.stream, r.at, r.content
  from unnest($1::text[], $2::text[]) as n (owner, name)
  join receipts r on r.owner = n.owner and r.name = n.name where r.name = any ($2::text[])`;

async function readAll(
  database: Postgres,
  names: readonly ReceiptName[],
  lane: string | undefined,
): Promise<(ReceiptOfStream | undefined)[]> {
  const statement = {
    name: "receipts",
    text: database.isCluster ? namedReceiptsOfNodes : namedReceipts,
    values: [names.map(({ owner }) => owner), names.map(({ name }) => name)],
  };
  const rows = await database.read(statement, lane);
  const found = new Map(
    rows.map(({ owner, name, stream, at, content }): [string, ReceiptOfStream] => [
      textFromName(String(owner), String(name)),
      { stream: String(stream), at: Number(at), content: content as Uint8Array },
    ]),
  );
  return names.map(({ owner, name }) => found.get(textFromName(owner, name)));
}
