import type { AppendResult } from "../../change/append.ts";
import type { BatchItem } from "../../change/batch/batch-item.ts";
import type { StoreUnavailableError } from "../../event-store.ts";
import type { Postgres } from "../database.ts";

type Database = Pick<Postgres, "shards" | "hanging">;

/** What is wrong if a node hangs that has to answer before an item is stored. */
export function problemOfItem(
  { shards, hanging }: Database,
  item: BatchItem,
): StoreUnavailableError | undefined {
  return hanging?.problem(nodesOf(shards, item));
}

/** The same for streams alone, whatever is decided about them. */
export function problemOfStreams(
  { shards, hanging }: Database,
  streams: readonly { readonly stream: string }[],
): StoreUnavailableError | undefined {
  return hanging?.problem(streams.map(({ stream }) => shards.placeOf(stream)?.node));
}

/** `undefined`: any node may be needed. */
function nodesOf(shards: Database["shards"], item: BatchItem): (string | undefined)[] | undefined {
  const ofReceipt = (name: string) => shards.nodeOfName("receipts", name);
  if ("joint" in item) return item.joint.flatMap((row) => nodesOf(shards, row) ?? []);
  if ("before" in item) return typeof item.of === "number" ? undefined : [ofReceipt(item.of.name)];
  if ("lone" in item) return [ofReceipt(item.lone[1])];
  const { stream, uniqueKeys = [], heldKeys = [], receipt } = item;
  const names = [...uniqueKeys, ...heldKeys];
  return [
    shards.placeOf(stream)?.node,
    ...names.map((name) => shards.nodeOfName("claims", name)),
    receipt && ofReceipt(receipt[1]),
  ];
}

type Commit = (items: readonly BatchItem[]) => Promise<readonly AppendResult[]>;

/**
 * Leave out items that would wait for a node that was found to hang while they waited for their batch: all others of the
 * batch would wait with them. Such an item conflicts, so that it is decided again, and refused then.
 */
export function withoutHanging(database: Database, commit: Commit): Commit {
  if (database.hanging === undefined) return commit;
  return async (items) => {
    const kept = items.filter((item) => problemOfItem(database, item) === undefined);
    if (kept.length === items.length) return commit(items);
    const results = kept.length === 0 ? [] : await commit(kept);
    const resultOf = new Map(kept.map((item, place) => [item, results[place]]));
    return items.map((item) => resultOf.get(item) ?? "conflict");
  };
}
