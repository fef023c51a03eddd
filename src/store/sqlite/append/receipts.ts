import type { DatabaseSync } from "node:sqlite";
import type { ReceiptRow } from "../../change/append-row.ts";
import type { Removal } from "../../change/batch/batch-item.ts";
import type { ReceiptKeeperOptions } from "../../change/receipt-keeper.ts";
import type { ReceiptName } from "../../receipts.ts";
import { withStoreErrors } from "../sqlite-error.ts";

/** Writes receipts, inside a transaction. */
export type ReceiptWriter = {
  /** @returns Whether the name was free. */
  insert(stream: string, receipt: ReceiptRow): boolean;
  /** Take back what was inserted. */
  undo(receipt: ReceiptRow): void;
  remove(removal: Removal): void;
};

/** Prepare to write receipts. */
export function createReceiptWriter(db: DatabaseSync): ReceiptWriter {
  const insert = db.prepare(
    `insert into receipts (owner, name, stream, at, content) values (?, ?, ?, ?, ?)
     on conflict (owner, name) do nothing`,
  );
  const remove = db.prepare("delete from receipts where owner = ? and name = ?");
  const removeOlder = db.prepare("delete from receipts where owner = ? and name = ? and at < ?");
  const removeOldest = db.prepare(
    `delete from receipts where rowid in (
       select rowid from receipts where at < ? order by at limit ?)`,
  );
  return {
    insert: (stream, [owner, name, at, content]) =>
      insert.run(owner, name, stream, at, content).changes !== 0,
    undo: ([owner, name]) => void remove.run(owner, name),
    remove({ before, of }) {
      if (typeof of === "number") removeOldest.run(before, of);
      else removeOlder.run(of.owner, of.name, before);
    },
  };
}

/** Prepare to read receipts. */
export function createReceiptReader(db: DatabaseSync): Pick<
  ReceiptKeeperOptions,
  "read" | "count" | "hasOlder"
> & {
  isThere(name: ReceiptName): boolean;
} {
  const select = db.prepare("select at, content from receipts where owner = ? and name = ?");
  const count = db.prepare(
    "select count(*) as receipts from (select 1 from receipts where owner = ? limit ?)",
  );
  const selectOlder = db.prepare("select 1 from receipts where at < ? limit 1");
  return {
    async read({ owner, name }) {
      const row = withStoreErrors(() => select.get(owner, name));
      return row && { at: Number(row.at), content: row.content as Uint8Array };
    },
    async count(owner, limit) {
      return Number(withStoreErrors(() => count.get(owner, limit))?.receipts);
    },
    async hasOlder(than) {
      return withStoreErrors(() => selectOlder.get(than)) !== undefined;
    },
    isThere: ({ owner, name }) => select.get(owner, name) !== undefined,
  };
}
