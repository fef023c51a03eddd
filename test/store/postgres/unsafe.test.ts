import { describe, expect, onTestFinished, test } from "vitest";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { type PostgresServer, query, startPostgres, startStandby } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { count, expectWhole, openPostgresStore } from "../counting.ts";
import { type PoolMode, type PoolOrder, startPooler } from "./pooler.ts";

async function start(settings: readonly string[]): Promise<PostgresServer> {
  const server = await startPostgres(settings);
  onTestFinished(() => server.close());
  return server;
}

/** Whoever opens the database, and what it says. */
const openingOf = (url: string) =>
  openPostgres(url).then(
    () => "opened",
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe("openPostgres", () => {
  test("C5: refuses synchronous_commit = local beside synchronous standbys", async () => {
    const server = await start(["synchronous_standby_names=nobody"]);
    const admin = `${server.url("postgres")}?options=-csynchronous_commit%3Dlocal`;
    expect(await openingOf(admin)).toMatch(
      /^UnsafeServerError: .*synchronous_commit = local beside synchronous_standby_names.*set synchronous_commit to on, also for the role/,
    );
    await query(admin, "alter role giraffe set synchronous_commit = local");
    expect(await openingOf(server.url("postgres"))).toMatch(/synchronous_commit = local/);
    await query(admin, "alter role giraffe reset synchronous_commit");
    await query(admin, "alter database postgres set synchronous_commit = local");
    expect(await openingOf(server.url("postgres"))).toMatch(/synchronous_commit = local/);
  });

  test("F19: refuses a server that asks a disk again that has failed", async () => {
    const server = await start(["data_sync_retry=on"]);
    expect(await openingOf(server.url("postgres"))).toMatch(
      /^UnsafeServerError: .*data_sync_retry = on .*: turn it off$/,
    );
  });

  test("C5: accepts synchronous_commit = local if there are no standbys", async () => {
    const url = await newPostgresDatabase();
    expect(await openingOf(`${url}?options=-csynchronous_commit%3Dlocal`)).toBe("opened");
  });

  test.for(["LATIN1", "SQL_ASCII", "WIN1252"])(
    "C5: refuses a database in %s, and says how to make another",
    async (encoding) => {
      const server = await start([]);
      await query(
        server.url("postgres"),
        `create database other encoding '${encoding}' locale 'C' template template0`,
      );
      expect(await openingOf(server.url("other"))).toMatch(
        new RegExp(
          `^UnsafeServerError: .*encoding ${encoding}.*create database NAME encoding 'UTF8'`,
        ),
      );
    },
  );

  test("C5: reports that a synchronous standby is missing, leaves no commit waiting, and opens when the standby is there", async () => {
    const server = await start([]);
    const url = server.url("postgres");
    const store = await openPostgresStore(url);
    await store.change("s", "org", count);
    const standby = await startStandby(server, "twin");
    onTestFinished(() => standby.close());
    await standby.stop();
    await query(url, "alter system set synchronous_standby_names = 'twin'");
    await server.stop();
    await server.start();
    expect(await openingOf(url)).toBe(
      "StoreUnavailableError: PostgreSQL does not finish a commit: no synchronous standby confirms it " +
        '(synchronous_standby_names = "twin"). Start the standby, or take it out of that setting',
    );
    const waiting = "select from pg_stat_activity where wait_event = 'SyncRep'";
    await expect.poll(() => query(url, waiting)).toEqual([]);
    // Who is there already goes on reading.
    expect(await store.load("s", "org")).toMatchObject({ version: 1 });

    await standby.start();
    await expect.poll(() => openingOf(url)).toBe("opened");
    expect(await store.change("s", "org", count)).toMatchObject({ version: 2 });
  });
});

describe("a pooler", () => {
  const through = async (mode: PoolMode, order: PoolOrder = "last", spare = 0) => {
    const url = await newPostgresDatabase();
    const pooler = await startPooler(Number(new URL(url).port), mode, { order, spare });
    onTestFinished(() => pooler.close());
    return { url, pooled: url.replace(new URL(url).host, `127.0.0.1:${pooler.port}`) };
  };

  test("C5: that keeps a backend for each session works", async () => {
    const { pooled } = await through("session");
    const store = await openPostgresStore(pooled);
    await Promise.all(Array.from({ length: 50 }, () => store.change("s", "org", count)));
    await expectWhole(store, "s", 50);
  });

  test.for<{ order: PoolOrder; spare: number }>([
    { order: "last", spare: 0 },
    { order: "first", spare: 0 },
    { order: "first", spare: 8 },
  ])(
    "C5: that hands out backends by the transaction is refused, and left as it was ($order of $spare)",
    async ({ order, spare }) => {
      const { pooled } = await through("transaction", order, spare);
      expect(await openingOf(pooled)).toMatch(
        /^UnsafeServerError: the pooler .* by the transaction: set it to session pooling/,
      );
      for (const name of ["enable_seqscan", "jit", "statement_timeout"]) {
        const [row] = await query(
          pooled,
          `select setting, reset_val from pg_settings where name = '${name}'`,
        );
        expect(row?.setting, name).toBe(row?.reset_val);
      }
    },
  );
});
