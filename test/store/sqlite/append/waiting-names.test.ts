import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { createLatestNames } from "../../../../src/store/sqlite/append/latest-names.ts";
import { bytesFromName } from "../../../../src/store/sqlite/append/receipt-names.ts";
import {
  createWaitingNames,
  type WaitingNames,
} from "../../../../src/store/sqlite/append/waiting-names.ts";
import { connect, openSqlite } from "../../../../src/store/sqlite/database.ts";
import { takeSnapshot } from "../../../../src/store/sqlite/snapshot.ts";
import { transact } from "../../../../src/store/sqlite/transaction.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-names-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bounds = { maxWaiting: 6, sortedTogether: 2 };
const universe = Array.from({ length: 40 }, (_, place) => ({
  owner: `owner ${place % 3}`,
  name: `name ${place}`,
}));
type Place = number;

/** A writer of names, which also writes the receipts themselves. */
type Writer = { readonly db: DatabaseSync; names: WaitingNames };

const newWriter = (file: string): Writer => {
  const db = connect(file, 0);
  db.exec("pragma synchronous = off");
  return { db, names: createWaitingNames(db, bounds) };
};

/** What a transaction does. */
type Work =
  | { readonly add: Place }
  | { readonly remove: Place }
  | { readonly addAndTakeBack: Place };
type Step =
  | { readonly by: 0 | 1; readonly work: readonly Work[]; readonly end: "commit" | "fail" }
  | { readonly restart: 0 | 1 }
  | "take a snapshot"
  | "put it back";

const place = fc.nat(universe.length - 1);
const work: fc.Arbitrary<Work> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: place }) },
  { weight: 2, arbitrary: fc.record({ remove: place }) },
  { weight: 1, arbitrary: fc.record({ addAndTakeBack: place }) },
);
const by = fc.constantFrom(0 as const, 1 as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      by,
      work: fc.array(work, { maxLength: 5 }),
      end: fc.constantFrom(
        "commit" as const,
        "commit" as const,
        "commit" as const,
        "fail" as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ restart: by }) },
  { weight: 1, arbitrary: fc.constant("take a snapshot" as const) },
  { weight: 1, arbitrary: fc.constant("put it back" as const) },
);

/** A database, and what must be in it. */
class Model {
  readonly #file: string;
  readonly #database: ReturnType<typeof openSqlite>;
  readonly #db: DatabaseSync;
  readonly #writers: [Writer, Writer];
  readonly #reader: ReturnType<typeof createLatestNames>;
  #stored = new Map<Place, number>();
  #latest = 0;
  #snapshot: (() => void) | undefined;
  #then = new Map<Place, number>();

  constructor(file: string) {
    this.#file = file;
    this.#database = openSqlite(file);
    this.#db = this.#database.acquire();
    this.#db.exec("pragma synchronous = off");
    this.#writers = [newWriter(file), newWriter(file)];
    this.#reader = createLatestNames(this.#db);
  }

  run(each: Step): void {
    if (each === "take a snapshot") {
      if (this.#snapshot !== undefined) return;
      this.#snapshot = takeSnapshot(this.#db);
      this.#then = new Map(this.#stored);
    } else if (each === "put it back") {
      if (this.#snapshot === undefined) return;
      this.#snapshot();
      this.#stored = new Map(this.#then);
    } else if ("restart" in each) {
      this.#writers[each.restart].db.close();
      this.#writers[each.restart] = newWriter(this.#file);
    } else {
      this.#write(this.#writers[each.by], each.work, each.end === "fail");
    }
  }

  #write({ db, names }: Writer, works: readonly Work[], fails: boolean): void {
    const stored = new Map(this.#stored);
    let latest = this.#latest;
    const insert = db.prepare("insert into receipts values (?, ?, null, 0, x'')");
    const remove = db.prepare("delete from receipts where name = ?");
    const add = (each: Place) => {
      const bytes = bytesFromName(universe[each] ?? { owner: "", name: "" });
      expect(names.add(bytes, latest + 1)).toBe(!stored.has(each));
      if (stored.has(each)) return;
      latest += 1;
      stored.set(each, latest);
      insert.run(latest, bytes);
    };
    const run = (each: Work) => {
      if ("add" in each) return add(each.add);
      if ("remove" in each) {
        const bytes = bytesFromName(universe[each.remove] ?? { owner: "", name: "" });
        expect(names.find(bytes)).toBe(stored.get(each.remove));
        if (!stored.delete(each.remove)) return;
        remove.run(bytes);
        return names.remove(bytes);
      }
      const isNew = !stored.has(each.addAndTakeBack);
      names.refresh();
      db.exec("savepoint part");
      add(each.addAndTakeBack);
      db.exec("rollback to part; release part");
      if (!isNew) return;
      names.tookBack(1);
      stored.delete(each.addAndTakeBack);
      latest -= 1;
    };
    const failure = new Error("the transaction fails");
    try {
      transact(db, () => {
        names.begin();
        for (const each of works) run(each);
        names.finish();
        if (fails) throw failure;
      });
      this.#stored = stored;
      this.#latest = latest;
    } catch (error) {
      if (error !== failure) throw error;
    }
    const { count } = db.prepare("select count(*) as count from waiting.names").get() as {
      count: number;
    };
    expect(count).toBeLessThanOrEqual(bounds.maxWaiting + works.length);
  }

  check(): void {
    for (const [each, name] of universe.entries()) {
      expect(this.#reader.find(name)).toBe(this.#stored.get(each));
    }
    for (const owner of ["owner 0", "owner 1", "owner 2"]) {
      const owned = [...this.#stored.keys()].filter((each) => universe[each]?.owner === owner);
      expect(this.#reader.count(owner, 1_000)).toBe(owned.length);
    }
    // Nothing is left of what was removed, and nothing that is sorted has to be read after a start.
    const inOrder = (sql: string) => this.#db.prepare(sql).all();
    expect(
      inOrder(
        `select name from receipt_names
         where position not in (select position from receipts r where r.name = receipt_names.name)`,
      ),
    ).toEqual([]);
    expect(
      inOrder(
        `select position from receipts
         where position <= (select position from receipt_sorting) and name not in (select name from receipt_names)`,
      ),
    ).toEqual([]);
  }

  close(): void {
    for (const { db } of this.#writers) db.close();
    this.#database.release();
  }
}

describe("names of receipts that wait", () => {
  test("are found, free and counted as all others are, whatever happens", () => {
    let files = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        files += 1;
        const model = new Model(join(folder, `${files}.db`));
        try {
          for (const each of steps) {
            model.run(each);
            model.check();
          }
        } finally {
          model.close();
        }
      }),
      { numRuns: 40 },
    );
  });
});
