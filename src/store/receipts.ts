import type { Head, Micros } from "./event-store.ts";

/** Names a receipt: unique among those of its owner. Both are opaque to the store. */
export type ReceiptName = { readonly owner: string; readonly name: string };

/** Bytes, or a text, of which the bytes in UTF-8 are kept: a text takes less time to pass on. */
export type ReceiptContent = Uint8Array | string;

/** Bytes that are kept for a day under a name. The store does not know what they say. */
export type Receipt = ReceiptName & { readonly content: ReceiptContent };

/** A receipt that is stored in the transaction of a change, or not at all. */
export type ReceiptOfChange = ReceiptName & {
  /** Pure. Called with the head that the change leads to, as often as the change is decided. */
  readonly contentOf: (head: Omit<Head<unknown>, "state">) => ReceiptContent;
};

/** How long a receipt is found. Its name is free after that. */
export const receiptLifetime: Micros = 24 * 60 * 60 * 1_000_000;

/** Receipts that one owner may have, for each server. A receipt takes about 300 bytes with its indexes. */
export const maxReceiptsPerOwner = 1_000_000;

/**
 * Keeps receipts. A name is used once: whoever stores a receipt first has the name, over all servers, and
 * everybody else is refused. `Decision.receipt` stores one with a change.
 */
export interface Receipts {
  /**
   * What is kept under a name; `undefined` if nothing is known, so that the owner may try to store it.
   *
   * Where a write notices a taken name at no cost, most names are not looked up. Then something may be kept although the
   * answer is `undefined`: the write is refused, and `find` returns what is kept.
   *
   * @param mustLook Whether every name is looked for, because much is done before the receipt is stored.
   * @param streams As for `find`.
   * @throws TooManyReceiptsError if nothing is kept, and the owner has as many as it may have.
   * @throws StoreUnavailableError if the database cannot be read.
   */
  begin(
    name: ReceiptName,
    mustLook: boolean,
    streams?: readonly string[],
  ): Promise<Uint8Array | undefined>;

  /**
   * What is kept under a name; `undefined` if nothing is. Whatever was stored with it can be read by then.
   *
   * @param streams What the receipt may tell of beside the stream that it was stored with.
   * @throws StoreUnavailableError if the database cannot be read.
   */
  find(name: ReceiptName, streams?: readonly string[]): Promise<Uint8Array | undefined>;

  /**
   * Store a receipt without a change.
   *
   * @param stream The one that the receipt tells of; `""` for none.
   * @returns Whether it is stored. If not, the name is taken; also if the outcome of an earlier attempt was
   *   open, and it was stored by that attempt: `find` tells.
   * @throws What `EventStore.change` throws, but for what is about unique keys.
   */
  keep(receipt: Receipt, stream: string): Promise<boolean>;
}

/** The name of the receipt of a change is taken. Nothing was stored. */
export class ReceiptTakenError extends Error {
  override readonly name = "ReceiptTakenError";
}

/** An owner has as many receipts as it may have. Nothing was stored. */
export class TooManyReceiptsError extends Error {
  override readonly name = "TooManyReceiptsError";
}
