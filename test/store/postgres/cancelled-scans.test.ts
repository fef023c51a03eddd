import { expect, onTestFinished, test } from "vitest";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { query } from "../../support/postgres.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

async function setUp() {
  const url = await newPostgresDatabase();
  const database = await openPostgres(url);
  database.acquire();
  onTestFinished(() => database.release());
  const running = async () => {
    const text = `select from pg_stat_activity where datname = current_database()
      and state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()`;
    return (await query(url, text)).length;
  };
  return { database, running };
}

test("a scan whose caller leaves is cancelled at the server, and the next one runs on", async () => {
  const { database, running } = await setUp();
  const gone = new AbortController();
  const scan = database.scan({ text: "select pg_sleep(600)" }, gone.signal);
  await expect.poll(running).toBe(1);
  gone.abort(new RangeError("gone"));
  await expect(scan).rejects.toThrow("gone");
  expect(await running()).toBe(0);
  expect(await database.scan({ text: "select 1 as one, pg_sleep(0.1)" })).toMatchObject([
    { one: 1 },
  ]);
});

test("a scan that ends when its caller leaves does not cancel the next one", async () => {
  const { database } = await setUp();
  for (let ms = 0; ms < 60; ms += 1) {
    const gone = new AbortController();
    const text = `select pg_sleep(${ms / 10_000})`;
    const scan = database.scan({ text }, gone.signal).catch((error: Error) => error.message);
    setTimeout(() => gone.abort(new RangeError("gone")), 3);
    const next = scan.then(() => database.scan({ text: "select 1 as one, pg_sleep(0.005)" }));
    expect(await next).toMatchObject([{ one: 1 }]);
  }
});

test("a scan is not begun for a caller that has left", async () => {
  const { database } = await setUp();
  const gone = AbortSignal.abort(new RangeError("gone"));
  await expect(database.scan({ text: "select 1" }, gone)).rejects.toThrow("gone");
});
