import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import type { EventStore } from "../../src/store/event-store.ts";
import { openPostgres } from "../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../src/store/postgres/event-store.ts";
import type { SearchKeys } from "../../src/store/search.ts";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../src/store/sqlite/event-store.ts";
import { query } from "../support/postgres.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";

const folder = mkdtempSync(join(tmpdir(), "giraffe-sparse-"));
afterAll(() => rmSync(folder, { recursive: true }));

type State = { readonly keys: SearchKeys | null };
const keysOf = ({ state }: { state: State }) => state.keys ?? undefined;
const now = () => Date.now() * 1_000;
const folded = "select folded from search_keys order by folded";

/** Each with its store, and the texts in its index. */
const engines = {
  async SQLite() {
    const file = join(folder, "giraffe.db");
    const store = createSqliteEventStore({ database: openSqlite(file, keysOf), now });
    const db = new DatabaseSync(file, { readOnly: true });
    return { store, rows: async () => db.prepare(folded).all() };
  },
  async PostgreSQL() {
    const url = await newPostgresDatabase();
    const store = createPostgresEventStore({ database: await openPostgres(url, keysOf), now });
    return { store, rows: () => query(url, folded) };
  },
} satisfies Record<string, () => Promise<{ store: EventStore; rows: () => Promise<unknown[]> }>>;

describe.for(Object.entries(engines))("on %s", ([, open]) => {
  test("a key that few streams have takes a row only while a stream has it", async () => {
    const { store, rows } = await open();
    const write = (keys: SearchKeys | null, erases = false) =>
      store.change<State>("1", "org", () => ({
        events: [{ type: "written", data: {}, creator: "me" }],
        state: { keys },
        ...(erases && { erases }),
      }));
    const texts = async () => (await rows()).map((row) => (row as { folded: string }).folded);
    const state = "active";
    await write({ state, a: "Muller" });
    expect(await texts()).toEqual(["muller"]);
    await write({ state, a: "Müller", plainEmail: "muller" });
    expect(await texts()).toEqual(["muller", "müller"]);
    await write({ state, a: "Möller", plainEmail: "moller" });
    expect(await texts()).toEqual(["moller", "möller"]);
    await write({ state, a: "Moller" });
    expect(await texts()).toEqual(["moller"]);
    await write({ state, a: "Möller", plainEmail: "moller" });
    await write(null);
    expect(await texts()).toEqual([]);
    await write({ state, a: "Möller", plainEmail: "moller" });
    await write(null, true);
    expect(await texts()).toEqual([]);
    await store.close();
  });
});
