import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Head, StoreOverloadedError } from "../../../src/store/event-store.ts";
import type { RetryReason } from "../../../src/store/observer.ts";
import { query, startPostgres } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { count, expectWhole, openPostgresStore, urlWith } from "../counting.ts";

/** Another program's connection, in a transaction. */
async function begin(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("begin");
  return client;
}

const lock = "select 1 from heads where stream = $1 for update";
/** A new row for SQL, and the same head to a store. */
const touch = "update heads set changed_at = changed_at where stream = $1";

/** Resolves once so many statements on the database wait for a lock, or for whatever it is. */
function waiting(url: string, statements: number, type = "Lock"): Promise<void> {
  const text = `select from pg_stat_activity
    where datname = current_database() and '${type}' in (wait_event_type, wait_event)`;
  return expect.poll(async () => (await query(url, text)).length).toBe(statements);
}

describe("a change that meets another program's lock", () => {
  test.for<{ name: string; settings: Record<string, string>; again: number; want: RegExp }>([
    {
      name: "lock timeout",
      settings: { lock_timeout: "100" },
      again: 5,
      want: /due to lock timeout/,
    },
    {
      name: "statement timeout",
      settings: { statement_timeout: "1000" },
      again: 0,
      want: /due to statement timeout/,
    },
  ])("F14: is unavailable after the $name, and not stored", async ({ settings, again, want }) => {
    const url = await newPostgresDatabase();
    const retries: RetryReason[] = [];
    await (await openPostgresStore(url)).change("s", "org", count);
    const store = await openPostgresStore(urlWith(url, settings), retries);
    const other = await begin(url);
    await other.query(lock, ["s"]);
    await expect(store.change("s", "org", count)).rejects.toThrow(
      expect.objectContaining({
        name: "StoreUnavailableError",
        message: expect.stringMatching(want),
      }),
    );
    expect(retries).toEqual(Array(again).fill("refused"));
    await other.query("rollback");
    expect(await store.change("s", "org", count)).toMatchObject({ version: 2 });
    await expectWhole(store, "s", 2);
  });

  test("F16: is tried again after a serialization failure", async () => {
    const url = await newPostgresDatabase();
    const retries: RetryReason[] = [];
    const store = await openPostgresStore(url, retries);
    await store.change("s", "org", count);
    // A sequence goes on although its transaction is rolled back.
    await query(
      url,
      `create sequence failures;
      create function fail_once() returns trigger language plpgsql as $$
        begin
          if nextval('failures') = 1 then raise sqlstate '40001'; end if;
          return new;
        end $$;
      create trigger fail_once before update on heads for each row execute function fail_once()`,
    );
    expect(await store.change("s", "org", count)).toMatchObject({ version: 2 });
    expect(retries).toEqual(["refused"]);
    await expectWhole(store, "s", 2);
  });

  test("F16: is stored after it, whatever isolation the database has by default", async () => {
    const url = await newPostgresDatabase();
    const retries: RetryReason[] = [];
    const settings = { options: "-c default_transaction_isolation=serializable" };
    const store = await openPostgresStore(urlWith(url, settings), retries);
    await store.change("s", "org", count);
    const other = await begin(url);
    await other.query(touch, ["s"]);
    const change = store.change("s", "org", count);
    await waiting(url, 1);
    await other.query("commit");
    expect(await change).toMatchObject({ version: 2 });
    expect(retries).toEqual([]);
    await expectWhole(store, "s", 2);
  });

  test("F16: is tried again after a deadlock", async () => {
    const url = await newPostgresDatabase();
    const retries: RetryReason[] = [];
    const store = await openPostgresStore(url, retries);
    // One statement writes both, in this order.
    const streams = ["a", "c"] as const;
    const changeBoth = () =>
      Promise.all(streams.map((stream) => store.change(stream, "org", count)));
    await changeBoth();
    const other = await begin(url);
    // The one that looks for deadlocks is the one that is ended.
    await other.query("set local deadlock_timeout = '1h'");
    await other.query(touch, ["c"]);
    const changes = changeBoth();
    await waiting(url, 1);
    await other.query(touch, ["a"]);
    await other.query("commit");
    expect(await changes).toMatchObject([{ version: 2 }, { version: 2 }]);
    expect(retries).toEqual(["refused"]);
    for (const stream of streams) await expectWhole(store, stream, 2);
  });
});

describe("a commit that waits for a standby that is not there", () => {
  test("F17: has an unknown outcome in the end; until then a limited number of changes wait, and none is lost", async () => {
    const server = await startPostgres();
    onTestFinished(() => server.close());
    const url = await server.createDatabase();
    const settings = { query_timeout: "3000", statement_timeout: "2000" };
    const store = await openPostgresStore(urlWith(url, settings));
    await store.change("s", "org", count);
    await query(url, "alter system set synchronous_standby_names = 'nobody'");
    await server.stop();
    await server.start();
    await expect.poll(() => store.ping().then(() => "up", String)).toBe("up");
    const first = store.change("s", "org", count);
    const outcome = expect(first).rejects.toMatchObject({ name: "OutcomeUnknownError" });
    await waiting(url, 1, "SyncRep");
    const most = 1_024;
    const later = Array.from({ length: most - 1 }, () => store.change("s", "org", count));
    const settled = Promise.allSettled(later);
    await expect(store.change("s", "org", count)).rejects.toThrow(StoreOverloadedError);
    await outcome;

    await query(url, "alter system reset synchronous_standby_names");
    await query(url, "select pg_reload_conf()");
    const results = await settled;
    const acknowledged = results.flatMap((result) => ("value" in result ? [result.value] : []));
    const reasons = results.flatMap((result) => ("reason" in result ? [result.reason] : []));
    const unknown = reasons.filter(({ name }) => name === "OutcomeUnknownError").length;
    const { version } = (await store.load<number>("s", "org")) as Head<number>;
    await expectWhole(store, "s", version);
    expect(new Set(acknowledged.map((head) => head.version)).size).toBe(acknowledged.length);
    expect(acknowledged.every((head) => head.version === head.state)).toBe(true);
    // The one of before, and the one that waited for nobody.
    const others = version - 2;
    expect(others).toBeGreaterThanOrEqual(acknowledged.length);
    expect(others).toBeLessThanOrEqual(acknowledged.length + unknown);
    expect(await store.change("s", "org", count)).toMatchObject({ version: version + 1 });
  });
});
