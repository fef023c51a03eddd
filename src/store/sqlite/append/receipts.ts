import type { DatabaseSync } from "node:sqlite";
import type { ReceiptRow } from "../../change/append-row.ts";
import type { LoneReceipt, Removal } from "../../change/batch/batch-item.ts";
import type { ReceiptKeeperOptions } from "../../change/receipt-keeper.ts";
import type { ReceiptContent, ReceiptName } from "../../receipts.ts";
import { walkFrom } from "../events/history.ts";
import { createInsert } from "../keys/insert-rows.ts";
import { withStoreErrors } from "../sqlite-error.ts";
import { bytesFromName, rangeOfOwner } from "./receipt-names.ts";

/** Writes receipts, inside a transaction: names are written at once, the receipts themselves at the end. */
export type ReceiptWriter = {
  /** Call it first in every transaction. */
  begin(): void;
  /**
   * Add the receipt of a change.
   *
   * @param position Of the last event of the change.
   * @returns Whether the name was free.
   */
  add(position: number, receipt: ReceiptRow): boolean;
  /** Add a receipt that no event leads to. */
  addLone(receipt: LoneReceipt): boolean;
  /** Take back what was added last, and wrote its name. */
  undo(): void;
  /** Receipts so far. */
  size(): number;
  /** Take back what was added beyond this size. The transaction takes back the names. */
  truncate(size: number): void;
  write(): void;
  /** After `write`. */
  remove(removal: Removal): void;
  /** Remove what tells of a stream, after its events are written, but for what came with the last change. */
  forget(stream: string, last: ReceiptRow | undefined): void;
};

type Added = readonly [
  position: number,
  name: Uint8Array,
  stream: string | null,
  at: number,
  content: ReceiptContent,
];

/** Prepare to write receipts. */
export function createReceiptWriter(db: DatabaseSync): ReceiptWriter {
  const lowest = db.prepare("select min(position) as position from receipts");
  const insertName = db.prepare(
    "insert into receipt_names (name, position) values (?, ?) on conflict (name) do nothing",
  );
  const deleteName = db.prepare("delete from receipt_names where name = ?");
  const insert = createInsert(
    db,
    "receipts (position, name, stream, at, content)",
    "?, ?, ?, ?, cast(? as blob)",
  );
  const removing = prepareRemovals(db);
  let added: Added[] = [];
  let lone: number | undefined;

  function add(...receipt: Added): boolean {
    const [position, name] = receipt;
    if (insertName.run(name, position).changes === 0) return false;
    added.push(receipt);
    return true;
  }

  /** Below all others. */
  function lonePosition(): number {
    lone ??= Math.min(0, Number(lowest.get()?.position ?? 0));
    lone -= 1;
    return lone;
  }

  const deleteNames = (rows: readonly Record<string, unknown>[]) => {
    for (const { name } of rows) deleteName.run(name as Uint8Array);
  };

  return {
    begin() {
      added = [];
      lone = undefined;
    },
    add: (position, [owner, name, at, content]) =>
      add(position, bytesFromName({ owner, name }), null, at, content),
    addLone({ stream, lone: [owner, name, at, content] }) {
      return add(lonePosition(), bytesFromName({ owner, name }), stream || null, at, content);
    },
    undo() {
      const last = added.pop();
      if (last !== undefined) deleteName.run(last[1]);
    },
    size: () => added.length,
    truncate(size) {
      added.length = size;
    },
    write: () => insert(added),
    remove({ before, of }) {
      if (typeof of === "number") deleteNames(removing.oldest.all(before, of));
      else deleteNames(removing.older.all(bytesFromName(of), before));
    },
    forget(stream, last) {
      const kept = last && bytesFromName({ owner: last[0], name: last[1] });
      deleteNames(removing.ofEvents.all(stream, kept ?? null));
      deleteNames(removing.lone.all(stream));
    },
  };
}

/** Statements that remove receipts, and return their names. */
function prepareRemovals(db: DatabaseSync) {
  const remove = (which: string) => db.prepare(`${which} returning name`);
  return {
    oldest: remove(
      `delete from receipts where position in (
         select position from receipts where at < ? order by at limit ?)`,
    ),
    older: remove(
      `delete from receipts
       where position = (select position from receipt_names where name = ?) and at < ?`,
    ),
    ofEvents: remove(
      `${walkFrom("(select position from heads where stream = ?)", "0")}
       delete from receipts where position in (select position from walk) and name is not ?`,
    ),
    lone: remove("delete from receipts where stream = ?"),
  };
}

/** Prepare to read receipts. */
export function createReceiptReader(db: DatabaseSync): Pick<
  ReceiptKeeperOptions,
  "read" | "count" | "hasOlder"
> & {
  isThere(name: ReceiptName): boolean;
} {
  const select = db.prepare(
    `select r.at, r.content from receipt_names n cross join receipts r on r.position = n.position
     where n.name = ?`,
  );
  const count = db.prepare(
    `select count(*) as receipts from (
       select 1 from receipt_names where name between ? and ? limit ?)`,
  );
  const selectOlder = db.prepare("select 1 from receipts where at < ? limit 1");
  return {
    async read(name) {
      const row = withStoreErrors(() => select.get(bytesFromName(name)));
      return row && { at: Number(row.at), content: row.content as Uint8Array };
    },
    async count(owner, limit) {
      const [first, last] = rangeOfOwner(owner);
      return Number(withStoreErrors(() => count.get(first, last, limit))?.receipts);
    },
    async hasOlder(than) {
      return withStoreErrors(() => selectOlder.get(than)) !== undefined;
    },
    isThere: (name) => select.get(bytesFromName(name)) !== undefined,
  };
}
