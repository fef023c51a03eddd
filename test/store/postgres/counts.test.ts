import { describe, expect, test } from "vitest";
import type { Head } from "../../../src/store/event-store.ts";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../../src/store/postgres/event-store.ts";
import { query } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

type State = { readonly state: string | null };
const keysOf = ({ state }: Pick<Head<State>, "state">) =>
  state.state === null ? undefined : { state: state.state };

/** As two servers on one database. */
async function openTwo(url: string) {
  const opened = [];
  for (const _ of [1, 2]) {
    const database = await openPostgres(url, keysOf);
    opened.push(createPostgresEventStore({ database, now: () => Date.now() * 1_000 }));
  }
  return opened;
}

const list = { sortBy: undefined, ascending: true, offset: 0, limit: 1 };
const everything = { kind: "and", queries: [] } as const;
const isActive = {
  ...({ kind: "text", key: "state", method: "equals" } as const),
  ...{ text: "active", ignoreCase: true },
};

describe("the numbers of streams by status", () => {
  test("are exact whatever two servers change at once, and stay few rows", async () => {
    const url = await newPostgresDatabase();
    const stores = await openTwo(url);
    const organizations = ["one", "two"];
    const streams = Array.from({ length: 1_500 }, (_, index) => `s${index}`);
    const states = ["active", "locked", null, "active", "off"];
    let totalsSeen = 0;
    const changing = stores.map(async (store, server) => {
      for (let from = 0; from < streams.length; from += 250) {
        const part = streams.slice(from, from + 250);
        await Promise.all(
          part.map(async (stream, index) => {
            const organization = organizations[(from + index) % 2] ?? "";
            for (const state of states.slice(0, 2 + ((index + server) % 4))) {
              await store.change<State>(stream, organization, () => ({
                events: [{ type: "set", data: {}, creator: "me" }],
                state: { state },
              }));
            }
          }),
        );
        const { total } = await store.search("one", { ...list, query: everything });
        expect(total).toBeLessThanOrEqual(750);
        totalsSeen += total;
      }
    });
    await Promise.all(changing);
    expect(totalsSeen).toBeGreaterThan(0);
    for (const organization of organizations) {
      for (const [wanted, condition] of [
        [everything, "status is not null"],
        [isActive, "status = 'active'"],
      ] as const) {
        const [row] = await query(
          url,
          `select count(*)::int as total from heads where organization = '${organization}' and ${condition}`,
        );
        for (const store of stores) {
          const { total } = await store.search(organization, { ...list, query: wanted });
          expect(total).toBe(row?.total);
        }
      }
    }
    for (const store of stores) await store.close();
    const [rows] = await query(url, "select count(*)::int as rows from head_counts");
    const [changes] = await query(url, "select count(*)::int as events from events");
    expect(Number(changes?.events)).toBeGreaterThan(6_000);
    expect(Number(rows?.rows)).toBeLessThan(1_000);
  });

  test("are not touched by changes that leave the status alone", async () => {
    const url = await newPostgresDatabase();
    const [store, other] = await openTwo(url);
    const touch = () =>
      store?.change<State>("s", "one", () => ({
        events: [{ type: "set", data: {}, creator: "me" }],
        state: { state: "active" },
      }));
    await touch();
    const rows = () => query(url, "select xmin::text, ctid::text, total from head_counts");
    const before = await rows();
    for (const _ of Array(5)) await touch();
    expect(await rows()).toEqual(before);
    expect(before).toHaveLength(1);
    await store?.close();
    await other?.close();
  });
});
