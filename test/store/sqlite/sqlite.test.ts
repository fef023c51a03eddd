import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Worker } from "node:worker_threads";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Head, type KeysOf, StoreUnavailableError } from "../../../src/store/event-store.ts";
import type { StoreObserver } from "../../../src/store/observer.ts";
import type { Query } from "../../../src/store/search.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";
import { createSqliteFeed } from "../../../src/store/sqlite/feed.ts";
import { describeAttributes } from "../attributes.contract.ts";
import { describeDirectory } from "../directory.contract.ts";
import { describeErasing } from "../erase.contract.ts";
import { describeEventStore } from "../event-store.contract.ts";
import { describeFeed } from "../feed.contract.ts";
import { describeJointChanges } from "../joint-change.contract.ts";
import { describeReceipts } from "../receipts.contract.ts";
import { describeSearch } from "../search.contract.ts";
import { describeSearchScopes } from "../search-scopes.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-sqlite-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = () => {
  files += 1;
  return join(folder, `${files}`, "giraffe.db");
};
const now = () => Date.now() * 1000;
const openStore = <State>(path: string, keysOf?: KeysOf<State>, observer?: StoreObserver) =>
  createSqliteEventStore({ database: openSqlite(path, keysOf), now, observer });

describeEventStore("SQLite file", async () => openStore(newFile()));
describeEventStore("SQLite in memory", async () => openStore(":memory:"));
describeSearch("SQLite file", async (keysOf) => openStore(newFile(), keysOf));
describeSearch("SQLite in memory", async (keysOf) => openStore(":memory:", keysOf));
describeSearchScopes("SQLite file", async (keysOf) => openStore(newFile(), keysOf));
describeSearchScopes("SQLite in memory", async (keysOf) => openStore(":memory:", keysOf));
describeAttributes("SQLite file", async (keysOf, observer) =>
  openStore(newFile(), keysOf, observer),
);
describeAttributes("SQLite in memory", async (keysOf, observer) =>
  openStore(":memory:", keysOf, observer),
);
describeErasing("SQLite file", async (keysOf) => {
  const file = newFile();
  return [openStore(file, keysOf), openStore(file, keysOf)];
});
const fedFile = newFile();
describeFeed("SQLite file", async () => ({
  stores: [openStore(fedFile), openStore(fedFile)],
  feed: createSqliteFeed(openSqlite(fedFile)),
}));
describeReceipts("SQLite file", async (options) =>
  createSqliteEventStore({ database: openSqlite(newFile()), ...options }),
);
describeReceipts("SQLite in memory", async (options) =>
  createSqliteEventStore({ database: openSqlite(":memory:"), ...options }),
);
for (const [name, path] of [
  ["SQLite file", newFile()],
  ["SQLite in memory", ":memory:"],
] as const) {
  describeJointChanges(name, async (keysOf) => {
    const store = openStore(path, keysOf);
    return { store, other: store };
  });
}
describeDirectory("SQLite file", async () => createSqliteDirectory(openSqlite(newFile())));
describeDirectory("SQLite in memory", async () => createSqliteDirectory(openSqlite(":memory:")));

const count = (head: Head<number> | undefined) => ({
  events: [{ type: "counted", data: {}, creator: "me" }],
  state: (head?.state ?? 0) + 1,
});

describe("openSqlite", () => {
  test("O7: creates a file and a directory that only the owner can read", async () => {
    const file = newFile();
    const store = openStore(file);
    await store.change("s", "org", count);
    expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);
    expect(["", "-wal", "-shm"].map((end) => statSync(file + end).mode & 0o777)).toEqual(
      Array(3).fill(0o600),
    );
    await store.close();
  });

  test("shares a database in memory between the store and the directory", async () => {
    const database = openSqlite(":memory:");
    const store = createSqliteEventStore({ database, now: () => 1 });
    const directory = createSqliteDirectory(database);
    await directory.close();
    expect(await store.change("s", "org", count)).toMatchObject({ version: 1 });
    await store.close();
  });

  test.for([
    { name: "a directory where the file should be", make: () => folder },
    {
      name: "a file where the directory should be",
      make: () => join(notADatabase(), "giraffe.db"),
    },
    { name: "a file that is not a database", make: () => notADatabase() },
  ])("names the path when there is $name", ({ make }) => {
    const path = make();
    expect(() => openSqlite(path)).toThrow(
      expect.objectContaining({
        name: "StoreUnavailableError",
        message: expect.stringContaining(`cannot open the database ${path}: `),
      }),
    );
  });

  test("names the path when the directory cannot be written", () => {
    const locked = mkdtempSync(join(tmpdir(), "giraffe-read-only-"));
    chmodSync(locked, 0o555);
    const user = process.geteuid?.() ?? 0;
    const nobody = 65534;
    process.seteuid?.(user === 0 ? nobody : user);
    onTestFinished(() => {
      process.seteuid?.(user);
      rmSync(locked, { recursive: true });
    });
    expect(() => openSqlite(join(locked, "giraffe.db"))).toThrow(
      /cannot open the database .*EACCES/,
    );
  });
});

describe("createSqliteEventStore", () => {
  test("leaves one complete file behind when it closes", async () => {
    const file = newFile();
    const store = openStore(file);
    await store.change("s", "org", count);
    await store.close();
    expect(() => statSync(`${file}-wal`)).toThrow(/ENOENT/);
    const db = new DatabaseSync(file, { readOnly: true });
    expect(db.prepare("select version from heads").all()).toEqual([{ version: 1 }]);
    db.close();
  });

  test("F4: is unavailable when the disk is full, and works again when there is room", async () => {
    const database = openSqlite(":memory:");
    const db = database.acquire();
    const store = createSqliteEventStore({ database, now: () => 1 });
    await store.change("s", "org", count);
    db.exec("pragma max_page_count = 20");
    const filler = "x".repeat(3000);
    const changes = Array.from({ length: 40 }, (_, index) =>
      store.change(`s${index % 20}`, "org", (head: Head<string> | undefined) => ({
        events: [{ type: "filled", data: {}, creator: "me" }],
        state: `${head?.version ?? 0} ${filler}`,
      })),
    );
    const results = await Promise.allSettled(changes);
    const reasons = results.flatMap((result) => ("reason" in result ? [result.reason] : []));
    expect(reasons.length).toBeGreaterThan(0);
    expect(new Set(reasons.map((reason) => reason.name))).toEqual(
      new Set(["StoreUnavailableError"]),
    );
    expect(db.prepare("select count(*) as events from events").get()).toEqual({
      events: 41 - reasons.length,
    });
    expect(await store.load("s", "org")).toMatchObject({ version: 1 });
    db.exec("pragma max_page_count = 10000");
    expect(await store.change("s", "org", count)).toMatchObject({ version: 2 });
    await store.close();
    database.release();
  });

  test("waits for another process that writes", async () => {
    const file = newFile();
    const store = openStore(file);
    await store.change("s", "org", count);
    const other = new DatabaseSync(file);
    other.exec("begin immediate");
    const change = store.change("s", "org", count);
    await store.ping();
    await new Promise((resolve) => setTimeout(resolve, 50));
    other.exec("commit");
    other.close();
    expect(await change).toMatchObject({ version: 2 });
    await store.close();
  });

  test("F6: is unavailable when another process does not stop writing", async () => {
    const file = newFile();
    const store = openStore(file);
    const other = new DatabaseSync(file);
    other.exec("begin immediate");
    await expect(store.change("s", "org", count)).rejects.toThrow(StoreUnavailableError);
    other.exec("rollback");
    other.close();
    expect(await store.change("s", "org", count)).toMatchObject({ version: 1 });
    await store.close();
  });

  test("loses no update between two stores on one file", async () => {
    const file = newFile();
    const stores = [openStore(file), openStore(file)];
    const perStore = 300;
    const heads = await Promise.all(
      stores.flatMap((store) =>
        Array.from({ length: perStore }, (_, index) => store.change(`s${index % 3}`, "org", count)),
      ),
    );
    expect(heads.map((head) => head.version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 2 * perStore }, (_, index) => Math.floor(index / 3 + 1)).sort(
        (a, b) => a - b,
      ),
    );
    expect(heads.every((head) => head.state === head.version)).toBe(true);
    await Promise.all(stores.map((store) => store.close()));
  });

  test.for<{ name: string; die: (worker: Worker | undefined) => void; want: object; next: number }>(
    [
      {
        name: "stores a change again that died with its writer",
        die: (worker) => worker?.terminate(),
        want: { is: "stored", version: 1 },
        next: 2,
      },
      {
        name: "is unavailable when its writer dies of an error",
        die: (worker) => {
          worker?.emit("error", new Error("out of memory"));
          worker?.terminate();
        },
        want: { is: "StoreUnavailableError" },
        next: 1,
      },
    ],
  )("$name", async ({ die, want, next }) => {
    const workers = noteWorkers();
    const file = newFile();
    const store = openStore(file);
    const other = new DatabaseSync(file);
    other.exec("begin immediate");
    await expect.poll(() => workers).toHaveLength(1);
    const [writer] = workers as [Worker];
    const sent = vi.spyOn(writer, "postMessage");
    const answer = store.change("s", "org", count).then(
      ({ version }) => ({ is: "stored", version }),
      (error: Error) => ({ is: error.name }),
    );
    await expect.poll(() => sent.mock.calls).toHaveLength(1);
    die(writer);
    await once(writer, "exit");
    other.exec("commit");
    other.close();
    expect(await answer).toEqual(want);
    expect((await store.change("s", "org", count)).version).toBe(next);
    await store.close();
  });

  test("answers a search, or is unavailable, when its reader dies during the search", async () => {
    const workers = noteWorkers();
    const store = openStore(newFile(), ({ state }: { state: number }) => ({ count: `${state}` }));
    await store.change("s", "org", count);
    const ones: Query = {
      ...({ kind: "text", method: "contains" } as const),
      ...{ key: "count", text: "1", ignoreCase: true },
    };
    const list = { query: ones, sortBy: "count", ascending: true, offset: 0, limit: 10 };
    const search = () =>
      store.search("org", list).then(
        ({ total }) => total,
        (error: Error) => error.name,
      );
    for (const deaths of [1, 2, 3]) {
      expect(await search()).toBe(1);
      expect(workers).toHaveLength(1 + deaths);
      const answers = Promise.all(Array.from({ length: 50 }, search));
      await workers.at(-1)?.terminate();
      const others = (await answers).filter((answer) => answer !== 1);
      expect(["", "StoreUnavailableError"]).toContain(others.join());
    }
    expect(await search()).toBe(1);
    await store.close();
  });

  test("F23: reports the true outcome when its writer dies several times under load", async () => {
    const workers = noteWorkers();
    const store = openStore(newFile());
    const streams = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const heads: Head<number>[] = [];
    const client = async (stream: string) => {
      for (const _ of Array(60)) heads.push(await store.change(stream, "org", count));
    };
    const clients = Promise.all(streams.map(client));
    for (const deaths of [1, 2, 3, 4, 5]) {
      await expect.poll(() => heads.length, { interval: 1 }).toBeGreaterThan(deaths * 100);
      await workers.at(-1)?.terminate();
    }
    await clients;
    expect(workers.length).toBeGreaterThan(1);
    expect(heads.every((head) => head.state === head.version)).toBe(true);
    for (const stream of streams) {
      const range = { after: 0, limit: 100, ascending: true };
      const events = await store.history(stream, "org", range);
      expect(events.map((event) => event.version)).toEqual(
        Array.from({ length: 60 }, (_, index) => index + 1),
      );
    }
    await store.close();
  });
});

/** The threads that are started from now on. */
function noteWorkers(): Worker[] {
  const workers: Worker[] = [];
  const note = (worker: Worker) => workers.push(worker);
  process.on("worker", note);
  onTestFinished(() => {
    process.off("worker", note);
  });
  return workers;
}

function notADatabase(): string {
  const file = join(folder, "not-a-database");
  writeFileSync(file, "This is a text, and a long enough one to be looked at. ".repeat(20));
  return file;
}
