import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { ReceiptRow } from "../../change/append-row.ts";
import type { LoneReceipt, Removal } from "../../change/batch/batch-item.ts";
import type { ReceiptKeeperOptions } from "../../change/receipt-keeper.ts";
import type { ReceiptContent, ReceiptName } from "../../receipts.ts";
import { walkFrom } from "../events/history.ts";
import { createInsert } from "../keys/insert-rows.ts";
import { withStoreErrors } from "../sqlite-error.ts";
import { createLatestNames } from "./latest-names.ts";
import { bytesFromName } from "./receipt-names.ts";
import { createWaitingNames, type WaitingNames } from "./waiting-names.ts";

/** Writes receipts, inside a transaction: names are noted at once, the receipts themselves are written at the end. */
export type ReceiptWriter = {
  /** Call it first in every transaction. */
  begin(): void;
  /** Call it before a savepoint in which receipts are added. */
  refresh(): void;
  /**
   * Add the receipt of a change.
   *
   * @param position Of the last event of the change.
   * @returns Whether the name was free.
   */
  add(position: number, receipt: ReceiptRow): boolean;
  /** Add a receipt that no event leads to. */
  addLone(receipt: LoneReceipt): boolean;
  /** Take back what was added last. */
  undo(): void;
  /** Receipts so far. */
  size(): number;
  /** Take back what was added beyond this size. A savepoint takes back the names. */
  truncate(size: number): void;
  write(): void;
  /** After `write`. */
  remove(removal: Removal): void;
  /** Remove what tells of a stream, after its events are written, but for what came with the last change. */
  forget(stream: string, last: ReceiptRow | undefined): void;
  /** Call it last in every transaction. */
  finish(): void;
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
  const names = createWaitingNames(db);
  const sortName = db.prepare("insert into receipt_names (name, position) values (?, ?)");
  const insert = createInsert(
    db,
    "receipts (position, name, stream, at, content)",
    "?, ?, ?, ?, cast(? as blob)",
  );
  const removing = prepareRemovals(db, names);
  let added: Added[] = [];
  let lone: number | undefined;

  /** Below all others. */
  function lonePosition(): number {
    lone ??= Math.min(0, Number(lowest.get()?.position ?? 0));
    lone -= 1;
    return lone;
  }

  return {
    begin() {
      added = [];
      lone = undefined;
      names.begin();
    },
    refresh: names.refresh,
    add(position, [owner, name, at, content]) {
      const bytes = bytesFromName({ owner, name });
      if (!names.add(bytes, position)) return false;
      added.push([position, bytes, null, at, content]);
      return true;
    },
    addLone({ stream, lone: [owner, name, at, content] }) {
      const bytes = bytesFromName({ owner, name });
      if (names.find(bytes) !== undefined) return false;
      const position = lonePosition();
      // They are few, and not at the end of the log, where names wait.
      sortName.run(bytes, position);
      added.push([position, bytes, stream || null, at, content]);
      return true;
    },
    undo() {
      const last = added.pop();
      if (last !== undefined) names.remove(last[1]);
    },
    size: () => added.length,
    truncate(size) {
      if (added.length > size) names.tookBack(added.length - size);
      added.length = size;
    },
    write: () => insert(added),
    remove({ before, of }) {
      if (typeof of === "number") removing.oldest(before, of);
      else removing.older(names.find(bytesFromName(of)) ?? null, before);
    },
    forget(stream, last) {
      const kept = last && bytesFromName({ owner: last[0], name: last[1] });
      removing.ofEvents(stream, kept ?? null);
      removing.lone(stream);
    },
    finish: names.finish,
  };
}

/** Statements that remove receipts and their names. */
function prepareRemovals(db: DatabaseSync, names: WaitingNames) {
  const prepare = (which: string) => {
    const statement = db.prepare(`${which} returning name`);
    return (...values: SQLInputValue[]): void => {
      for (const { name } of statement.all(...values)) names.remove(name as Uint8Array);
    };
  };
  return {
    oldest: prepare(
      `delete from receipts where position in (
         select position from receipts where at < ? order by at limit ?)`,
    ),
    older: prepare("delete from receipts where position = ? and at < ?"),
    ofEvents: prepare(
      `${walkFrom("(select position from heads where stream = ?)", "0")}
       delete from receipts where position in (select position from walk) and name is not ?`,
    ),
    lone: prepare("delete from receipts where stream = ?"),
  };
}

/** Prepare to read receipts. */
export function createReceiptReader(db: DatabaseSync): Pick<
  ReceiptKeeperOptions,
  "read" | "count" | "hasOlder"
> & {
  isThere(name: ReceiptName): boolean;
} {
  const latest = createLatestNames(db);
  const select = db.prepare("select at, content from receipts where position = ?");
  const selectOlder = db.prepare("select 1 from receipts where at < ? limit 1");
  return {
    async read(name) {
      const row = withStoreErrors(() => select.get(latest.find(name) ?? null));
      return row && { at: Number(row.at), content: row.content as Uint8Array };
    },
    async count(owner, limit) {
      return withStoreErrors(() => latest.count(owner, limit));
    },
    async hasOlder(than) {
      return withStoreErrors(() => selectOlder.get(than)) !== undefined;
    },
    isThere: (name) => latest.find(name) !== undefined,
  };
}
