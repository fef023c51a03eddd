import type { DatabaseSync } from "node:sqlite";

/** How names wait. */
type Bounds = {
  /** So many wait in memory before some are sorted, beside those that one transaction adds. */
  readonly maxWaiting: number;
  /** So many are sorted together at least. They share pages, and take a millisecond or two. */
  readonly sortedTogether: number;
};

/** After a start at most twice as many are read from the log, beside those of two transactions. */
export const usualBounds: Bounds = { maxWaiting: 8_192, sortedTogether: 128 };

/** A number that JavaScript can hold. */
const newMark = "mark = random() >> 12";

/** Sort all names that wait. What puts receipts back to what they were must end with this, because it changes the log. */
export const sortAllNames = `
  insert into receipt_names (name, position)
  select name, position from receipts where position > (select position from receipt_sorting)
  on conflict (name) do nothing;
  update receipt_sorting
  set position = (select coalesce(max(position), 0) from receipts where position > 0), ${newMark};`;

/** The names of receipts, for a connection that writes. Everything belongs to a transaction, which may take it back. */
export type WaitingNames = {
  /** Call it first in every transaction. */
  begin(): void;
  /** Learn what others have stored, before a savepoint that may be taken back. Otherwise it is done when it is needed. */
  refresh(): void;
  /** Position of the receipt of a name; `undefined` if there is none. */
  find(name: Uint8Array): number | undefined;
  /** @returns Whether the name was free. */
  add(name: Uint8Array, position: number): boolean;
  remove(name: Uint8Array): void;
  /** A savepoint was taken back, and with it so many names. */
  tookBack(names: number): void;
  /** Call it last in every transaction. */
  finish(): void;
};

/** What holds if the database has the mark. */
type State = {
  mark: number;
  /** Names that wait. */
  waiting: number;
  /** All names up to this one have been sorted since the round began; `undefined`: none is under way. */
  sortedTo: Uint8Array | undefined;
  /** Position of the latest receipt when the round began. */
  latestThen: number;
};

const lowest = new Uint8Array();
const highest = new Uint8Array(32).fill(0xff);

/**
 * Prepare to write names. Call it once for a connection.
 *
 * Digests come in any order, so each one would write a page of its own if it were sorted at once. So names wait in memory,
 * and in the log of receipts, from which they are read after a start. When there are many, those beside each other are
 * sorted together, a few in each transaction, round after round. A round goes through what waited when it began. So one
 * position tells where in the log the names may begin that wait.
 */
export function createWaitingNames(
  db: DatabaseSync,
  { maxWaiting, sortedTogether } = usualBounds,
): WaitingNames {
  const statements = prepareStatements(db);
  let known: State | undefined;
  /** What will be known after the transaction; `undefined`: it needs no names. */
  let next: State | undefined;

  function fresh(): State {
    if (next !== undefined) return next;
    const { position, mark } = statements.sorting.get() as { position: number; mark: number };
    next = known?.mark === mark ? { ...known } : reload(position, mark);
    return next;
  }

  function reload(position: number, mark: number): State {
    statements.clear.run();
    const waiting = Number(statements.load.run(position).changes);
    return { mark, waiting, sortedTo: undefined, latestThen: 0 };
  }

  function latest(): number {
    return Number(statements.latest.get()?.position ?? 0);
  }

  /** @returns Up to which position all names are sorted, if more are than before. */
  function sortSome(state: State): number {
    if (state.sortedTo === undefined) state.latestThen = latest();
    const from = state.sortedTo ?? lowest;
    const count = Math.max(sortedTogether, state.waiting - maxWaiting);
    const end = statements.end.get(from, state.latestThen, count - 1)?.name;
    const range = [from, (end as Uint8Array | undefined) ?? highest, state.latestThen] as const;
    statements.sort.run(...range);
    state.waiting -= Number(statements.leave.run(...range).changes);
    state.sortedTo = end as Uint8Array | undefined;
    return end === undefined ? state.latestThen : 0;
  }

  return {
    begin() {
      next = undefined;
    },
    refresh: fresh,
    find(name) {
      fresh();
      return (statements.find.get(name)?.position ?? undefined) as number | undefined;
    },
    add(name, position) {
      const state = fresh();
      const isFree = statements.add.run(name, position).changes > 0;
      if (isFree) state.waiting += 1;
      return isFree;
    },
    remove(name) {
      const state = fresh();
      if (statements.removeWaiting.run(name).changes > 0) state.waiting -= 1;
      else statements.removeSorted.run(name);
    },
    tookBack(names) {
      fresh().waiting -= names;
    },
    finish() {
      if (next === undefined) return;
      let sorted = 0;
      if (next.waiting > maxWaiting) sorted = sortSome(next);
      // A round has ended with fewer.
      if (next.waiting > maxWaiting) sorted = Math.max(sorted, sortSome(next));
      // If the commit fails, the database has another mark than this, and everything is read anew.
      next.mark = Number(statements.advance.get(sorted)?.mark);
      known = next;
    },
  };
}

function prepareStatements(db: DatabaseSync) {
  db.exec(
    `attach ':memory:' as waiting;
     create table waiting.names (name blob primary key, position integer not null) strict, without rowid`,
  );
  return {
    sorting: db.prepare("select position, mark from receipt_sorting"),
    latest: db.prepare("select max(position) as position from receipts"),
    clear: db.prepare("delete from waiting.names"),
    load: db.prepare(
      `insert into waiting.names (name, position)
       select name, position from receipts r
       where position > ? and not exists (select 1 from receipt_names where name = r.name)`,
    ),
    find: db.prepare(
      `select coalesce(
         (select position from waiting.names where name = ?1),
         (select position from receipt_names where name = ?1)) as position`,
    ),
    add: db.prepare(
      `insert into waiting.names (name, position)
       select ?1, ?2 where not exists (select 1 from receipt_names where name = ?1)
       on conflict (name) do nothing`,
    ),
    removeWaiting: db.prepare("delete from waiting.names where name = ?"),
    removeSorted: db.prepare("delete from receipt_names where name = ?"),
    end: db.prepare(
      `select name from waiting.names where name > ? and position <= ?
       order by name limit 1 offset ?`,
    ),
    sort: db.prepare(
      `insert into receipt_names (name, position)
       select name, position from waiting.names where name > ? and name <= ? and position <= ?`,
    ),
    leave: db.prepare("delete from waiting.names where name > ? and name <= ? and position <= ?"),
    advance: db.prepare(
      `update receipt_sorting set position = max(position, ?), ${newMark} returning mark`,
    ),
  };
}
