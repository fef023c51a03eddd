import { describe, expect, test } from "vitest";
import type { KeysOf } from "../../../src/store/event-store.ts";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresDirectory } from "../../../src/store/postgres/directory.ts";
import { createPostgresEventStore } from "../../../src/store/postgres/event-store.ts";
import { createPostgresFeed } from "../../../src/store/postgres/feed.ts";
import { createPostgresTransfer } from "../../../src/store/postgres/transfer.ts";
import { query } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { describeAttributes } from "../attributes.contract.ts";
import { describeDirectory } from "../directory.contract.ts";
import { describeErasing } from "../erase.contract.ts";
import { describeEventStore } from "../event-store.contract.ts";
import { describeFeed } from "../feed.contract.ts";
import { describeJointChanges } from "../joint-change.contract.ts";
import { describeReceipts } from "../receipts.contract.ts";
import { describeSearch } from "../search.contract.ts";
import { describeSearchScopes } from "../search-scopes.contract.ts";
import { describeTransfer } from "../transfer.contract.ts";

const now = () => Date.now() * 1000;
const newDatabase = async <State>(keysOf?: KeysOf<State>) =>
  openPostgres(await newPostgresDatabase(), keysOf);

describeEventStore("PostgreSQL", async () =>
  createPostgresEventStore({ database: await newDatabase(), now }),
);
describeSearch("PostgreSQL", async (keysOf) =>
  createPostgresEventStore({ database: await newDatabase(keysOf), now }),
);
describeSearchScopes("PostgreSQL", async (keysOf) =>
  createPostgresEventStore({ database: await newDatabase(keysOf), now }),
);
describeAttributes("PostgreSQL", async (keysOf, observer) =>
  createPostgresEventStore({ database: await newDatabase(keysOf), now, observer }),
);
describeErasing("PostgreSQL", async (keysOf) => {
  const url = await newPostgresDatabase();
  const open = async () =>
    createPostgresEventStore({ database: await openPostgres(url, keysOf), now });
  return [await open(), await open()];
});
let fed: Promise<string> | undefined;
describeFeed("PostgreSQL", async () => {
  fed ??= newPostgresDatabase();
  const url = await fed;
  const open = async () => createPostgresEventStore({ database: await openPostgres(url), now });
  return {
    stores: [await open(), await open()],
    feed: createPostgresFeed(await openPostgres(url)),
  };
});
describeReceipts("PostgreSQL", async (options) =>
  createPostgresEventStore({ database: await newDatabase(), ...options }),
);
describeJointChanges("PostgreSQL", async (keysOf) => {
  const url = await newPostgresDatabase();
  const open = async () =>
    createPostgresEventStore({ database: await openPostgres(url, keysOf), now });
  return { store: await open(), other: await open() };
});
describeDirectory("PostgreSQL", async () => createPostgresDirectory(await newDatabase()));
describeTransfer("PostgreSQL", async (keysOf) => {
  const options = { database: await newDatabase(keysOf), now };
  return { transfer: createPostgresTransfer(options), store: createPostgresEventStore(options) };
});

describe("openPostgres", () => {
  test("F13: refuses reads when too many others wait, and answers the others", async () => {
    const database = await newDatabase();
    database.acquire();
    const reads = Array.from({ length: 2_000 }, () => database.read({ text: "select 1 as one" }));
    const results = await Promise.allSettled(reads);
    const kinds = new Set(
      results.map((result) => ("reason" in result ? result.reason.name : result.value.length)),
    );
    expect(kinds).toEqual(new Set([1, "StoreOverloadedError"]));
    expect(await database.read({ text: "select 1 as one" })).toEqual([{ one: 1 }]);
    await database.release();
  });

  test.for([
    { name: "no such database", url: (url: string) => `${url}_none`, want: /does not exist/ },
    {
      name: "nobody there",
      url: (url: string) => url.replace(new URL(url).host, "127.0.0.1:1"),
      want: /no primary can be reached \(127\.0\.0\.1:1: .*ECONNREFUSED/,
    },
  ])("says why when there is $name", async ({ url, want }) => {
    await expect(openPostgres(url(await newPostgresDatabase()))).rejects.toThrow(
      expect.objectContaining({
        name: "StoreUnavailableError",
        message: expect.stringMatching(want),
      }),
    );
  });

  test("writes a hot stream and other streams with one or two statements per batch", async () => {
    const url = await newPostgresDatabase();
    const store = createPostgresEventStore({ database: await openPostgres(url), now });
    const change = (stream: string) =>
      store.change(stream, "org", (head) => ({
        events: [{ type: "counted", data: {}, creator: "me" }],
        state: head?.version ?? 0,
      }));
    await change("hot");
    await Promise.all([
      ...Array.from({ length: 256 }, () => change("hot")),
      ...Array.from({ length: 256 }, (_, index) => change(`s${index}`)),
    ]);
    await store.close();
    const [row] = await query(
      url,
      "select count(distinct xmin::text)::int as commits, count(*)::int as events from events",
    );
    expect(row?.events).toBe(513);
    expect(row?.commits).toBeLessThan(20);
  });
});
