import { LRUCache } from "lru-cache";
import { type Micros, StoreUnavailableError } from "../event-store.ts";
import {
  maxReceiptsPerOwner,
  type ReceiptName,
  type Receipts,
  receiptLifetime,
  TooManyReceiptsError,
} from "../receipts.ts";
import type { AppendResult } from "./append.ts";
import type { LoneReceipt, Removal } from "./batch/batch-item.ts";

/** A receipt that is in the database; it may be too old. */
export type StoredReceipt = { readonly at: Micros; readonly content: Uint8Array };

/** What an engine provides. */
export type ReceiptKeeperOptions = ReceiptBounds & {
  /** @param streams As for `Receipts.find`. */
  readonly read: (
    name: ReceiptName,
    streams: readonly string[],
  ) => Promise<StoredReceipt | undefined>;
  /** How many an owner has, old ones included; counts no further than to `limit`. */
  readonly count: (owner: string, limit: number) => Promise<number>;
  readonly hasOlder: (than: Micros) => Promise<boolean>;
  /**
   * Whether a read may see what a failover would lose, because the standbys do not have it yet. Then a receipt is
   * locked before anybody is told of it: the lock is a write, and waits for the standbys.
   */
  readonly readsAhead: boolean;
  /** Whether a batch that brings a taken name costs more than a look does. */
  readonly looksFirst: boolean;
  /** Writes in a batch with whatever else is written. */
  readonly write: (item: LoneReceipt | Removal, queue: string) => Promise<AppendResult>;
  readonly now: () => Micros;
};

/** How many receipts there may be, and how fast old ones are removed. */
export type ReceiptBounds = {
  /** Default: `maxReceiptsPerOwner`. */
  readonly maxPerOwner?: number;
  /** How often old receipts are looked for: if there are none, and if there may be more. */
  readonly pruning?: { readonly idleMs: number; readonly busyMs: number };
};

/** Receipts that one removal takes: some milliseconds of work for SQLite's writer. */
const maxRemoved = 500;
/** At most 5,000 receipts a second, and a tenth of the writer's time. */
const defaultPruning = { idleMs: 60_000, busyMs: 100 };
/** Owners whose number of receipts is remembered. */
const maxOwners = 10_000;
/** Names that are looked for because they were begun lately: most repeats come within seconds. */
const maxBegun = 10_000;
/** An owner that has all it may have is counted again after this time, since old receipts are removed. */
const recountMs = 10_000;

type Count = { receipts: number; readonly countedAt: number };

/**
 * The receipts of an owner are counted once in the database, and then as this process lets the owner store them. So each
 * server may let an owner store as many as the limit, and a look costs nothing.
 */
function countOwners(count: ReceiptKeeperOptions["count"], maxPerOwner: number) {
  const counts = new LRUCache<string, Count>({ max: maxOwners });
  return {
    /** Whether an owner may store one more, as far as is known without a look. */
    hasRoom(owner: string): boolean {
      const known = counts.get(owner);
      return known !== undefined && known.receipts < maxPerOwner;
    },

    /** @throws TooManyReceiptsError */
    async admit(owner: string): Promise<void> {
      let known = counts.get(owner);
      if (known === undefined || (known.receipts >= maxPerOwner && isDated(known))) {
        known = { receipts: await count(owner, maxPerOwner), countedAt: performance.now() };
        counts.set(owner, known);
      }
      if (known.receipts >= maxPerOwner) {
        throw new TooManyReceiptsError(`the owner has ${maxPerOwner} receipts`);
      }
      known.receipts += 1;
    },
  };
}

/**
 * The port of receipts over the statements of an engine. It removes old receipts in the background, a few at a
 * time, so that no writer waits long.
 */
export function createReceiptKeeper({
  read,
  count,
  hasOlder,
  readsAhead,
  looksFirst,
  write,
  now,
  pruning: times = defaultPruning,
  maxPerOwner = maxReceiptsPerOwner,
}: ReceiptKeeperOptions): Receipts & { close(): Promise<void> } {
  const counts = countOwners(count, maxPerOwner);
  const begun = new LRUCache<string, true>({ max: maxBegun });
  let timer: NodeJS.Timeout | undefined;
  let removing = Promise.resolve();
  let closed = false;

  async function find(
    name: ReceiptName,
    streams: readonly string[] = [],
  ): Promise<Uint8Array | undefined> {
    const stored = await read(name, streams);
    const before = now() - receiptLifetime;
    const isOld = stored !== undefined && stored.at < before;
    // If it is old, whatever is stored under the name now must not meet it.
    if (isOld || (stored !== undefined && readsAhead)) await settle(name, before);
    return isOld ? undefined : stored?.content;
  }

  /** Whether a name may be stored without a look at it. */
  function isTried({ owner, name }: ReceiptName): boolean {
    if (looksFirst || begun.has(name)) return false;
    begun.set(name, true);
    // A repeat is answered even if its owner can store no more.
    return counts.hasRoom(owner);
  }

  /** Locks the receipt of a name, and removes it if it is older. */
  async function settle(name: ReceiptName, before: Micros): Promise<void> {
    const result = await write({ before, of: name }, name.name);
    if (result !== "appended") throw new StoreUnavailableError("a receipt cannot be written");
  }

  async function prune(): Promise<void> {
    const before = now() - receiptLifetime;
    const isBusy = await hasOlder(before);
    if (isBusy) await write({ before, of: maxRemoved }, removals);
    schedule(isBusy ? times.busyMs : times.idleMs);
  }

  function schedule(ms: number): void {
    if (closed) return;
    timer = setTimeout(() => {
      removing = prune().catch(() => schedule(times.idleMs));
    }, ms).unref();
  }
  schedule(times.idleMs);

  return {
    async begin(name, mustLook, streams) {
      const kept = mustLook || !isTried(name) ? await find(name, streams) : undefined;
      if (kept === undefined) await counts.admit(name.owner);
      return kept;
    },

    find,

    async keep({ owner, name, content }, stream) {
      const row = [owner, name, now(), content] as const;
      return (await write({ stream, lone: row }, stream)) === "appended";
    },

    async close() {
      closed = true;
      clearTimeout(timer);
      await removing;
    },
  };
}

/** The queue of a batcher; no stream has this id. */
const removals = "";

function isDated({ countedAt }: Count): boolean {
  return performance.now() - countedAt >= recountMs;
}
