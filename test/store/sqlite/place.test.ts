import { mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import {
  type EventStore,
  OutcomeUnknownError,
  StoreUnavailableError,
} from "../../../src/store/event-store.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../../src/store/sqlite/event-store.ts";
import { watchPlace } from "../../../src/store/sqlite/file/place.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-place-"));
afterAll(() => rmSync(folder, { recursive: true }));

const change = (store: EventStore) =>
  store.change<number>("s", "org", (head) => ({
    events: [{ type: "counted", data: {}, creator: "me" }],
    state: (head?.state ?? 0) + 1,
  }));

const unindexed = (store: EventStore) =>
  store.search("org", {
    query: { kind: "text", key: "name", method: "contains", text: "x", ignoreCase: false },
    ...{ sortBy: undefined, ascending: true, offset: 0, limit: 1 },
  });

function open() {
  const file = join(mkdtempSync(join(folder, "one-")), "giraffe.db");
  const database = openSqlite(file);
  return { file, database, store: createSqliteEventStore({ database, now: () => 1 }) };
}

function replace(path: string): void {
  writeFileSync(`${path}.new`, "");
  renameSync(`${path}.new`, path);
}

describe("a SQLite event store", () => {
  test.for([
    { name: "the file is deleted", harm: (file: string) => rmSync(file) },
    { name: "the file is moved", harm: (file: string) => renameSync(file, `${file}.old`) },
    { name: "the file is replaced", harm: replace },
    { name: "the log is deleted", harm: (file: string) => rmSync(`${file}-wal`) },
    { name: "the log is replaced", harm: (file: string) => replace(`${file}-wal`) },
    { name: "the log's index is deleted", harm: (file: string) => rmSync(`${file}-shm`) },
  ])(
    "C2: takes no change once $name, says that it is gone, and creates nothing",
    async ({ harm }) => {
      const { file, database, store } = open();
      await change(store);
      const { gone } = watchPlace(database.place);
      harm(file);
      const left = readdirSync(join(file, ".."));
      const refused = expect.objectContaining<Partial<StoreUnavailableError>>({
        name: "StoreUnavailableError",
        message: expect.stringMatching(
          /was (deleted or moved|replaced) while the database was open$/,
        ),
      });
      await expect(change(store)).rejects.toEqual(refused);
      await expect(store.ping()).rejects.toEqual(refused);
      await expect(unindexed(store)).rejects.toThrow(StoreUnavailableError);
      expect(readdirSync(join(file, ".."))).toEqual(left);
      expect(await gone).toEqual(refused);
      await store.close();
    },
  );

  test("C2: counts as gone, too, if the system does not let it look", async () => {
    const { file, database, store } = open();
    await change(store);
    const { gone } = watchPlace(database.place);
    const directory = join(file, "..");
    renameSync(directory, `${directory}.old`);
    symlinkSync(directory, directory);
    await expect(change(store)).rejects.toThrow(StoreUnavailableError);
    expect(await gone).toMatchObject({ message: expect.stringMatching(/cannot look for .*ELOOP/) });
    await store.close();
    rmSync(directory);
  });

  test("C2: acknowledges nothing that was committed after the file was deleted", async () => {
    const { file, store } = open();
    await change(store);
    // The writer waits for this one, usually between its look at the files and its transaction.
    const other = new DatabaseSync(file);
    other.exec("begin immediate");
    const waiting = change(store);
    waiting.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    rmSync(file);
    other.exec("rollback");
    other.close();
    const error = await waiting.catch((reason: unknown) => reason);
    expect([OutcomeUnknownError.name, StoreUnavailableError.name]).toContain((error as Error).name);
    await store.close();
  });

  test("C2: keeps acknowledged changes when only its log was deleted", async () => {
    const { file, store } = open();
    await change(store);
    await change(store);
    rmSync(`${file}-wal`);
    await expect(change(store)).rejects.toThrow(StoreUnavailableError);
    await store.close();
    const again = createSqliteEventStore({ database: openSqlite(file), now: () => 1 });
    expect(await again.load("s", "org")).toMatchObject({ version: 2 });
    await again.close();
  });
});
