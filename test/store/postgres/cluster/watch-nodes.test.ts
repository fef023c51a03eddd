import { Client } from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import type { NodeState } from "../../../../src/store/observer.ts";
import { openPostgres } from "../../../../src/store/postgres/database.ts";
import { query } from "../../../support/postgres.ts";
import { newCatalogue } from "./catalogue.ts";

/** Let the engine find the second worker without an answer, after some seconds. */
function answerAfter(url: string, seconds: number, answers: boolean) {
  return query(
    url,
    `create or replace function citus_check_connection_to_node(name text, port integer)
       returns boolean language sql as
       $$ select pg_sleep(case when port = 2 then ${seconds} else 0 end);
          select port <> 2 or ${answers} $$`,
  );
}

async function watched(url: string) {
  const database = await openPostgres(url);
  database.acquire();
  const looks: boolean[][] = [];
  const stop = database.watchNodes?.((nodes: readonly NodeState[]) =>
    looks.push(nodes.map(({ answers }) => answers)),
  );
  onTestFinished(async () => {
    await stop?.();
    await database.release();
  });
  return { database, looks };
}

test("a node that is found to hang is refused, and served again when it answers", async () => {
  const url = await newCatalogue();
  await answerAfter(url, 1.5, false);
  const { database, looks } = await watched(url);
  const problem = (...nodes: string[]) => database.hanging?.problem(nodes)?.message;
  await expect.poll(() => problem("3")).toBe("PostgreSQL: a node of the cluster does not answer");
  expect(problem("2")).toBeUndefined();
  expect(looks.at(-1) ?? [true, false]).toEqual([true, false]);
  await answerAfter(url, 0, true);
  await expect.poll(() => problem("3")).toBeUndefined();
});

test("a node that refuses at once is not, because it may be back at once", async () => {
  const url = await newCatalogue();
  await answerAfter(url, 0, false);
  const { database, looks } = await watched(url);
  await expect.poll(() => looks.at(-1)).toEqual([true, false]);
  expect(database.hanging?.problem()).toBeUndefined();
});

test("a node that leaves something without an answer is looked at before the next look is due", async () => {
  const url = await newCatalogue();
  // The clock of the looks alone, so that it does not count how long the machine takes for them.
  vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const { database, looks } = await watched(url);
  await expect.poll(() => looks).toHaveLength(1);

  const holder = new Client({ connectionString: url });
  await holder.connect();
  onTestFinished(() => holder.end());
  await holder.query("select pg_advisory_lock(2)");
  await query(
    url,
    `create or replace function citus_check_connection_to_node(name text, port integer)
       returns boolean language sql as
       $$ select pg_advisory_xact_lock(port); select port <> 2 $$`,
  );
  const waiting = database.hanging?.guard("3", () => new Promise<never>(() => {}));
  const refused = expect(waiting).rejects.toMatchObject({ name: "StoreUnavailableError" });
  // A look is due after 5 s, and a node that leaves one without an answer for a second hangs.
  vi.advanceTimersByTime(1_500);
  const asked = () =>
    query(
      url,
      `select 1 from pg_locks join pg_database d on d.oid = database
        where datname = current_database() and locktype = 'advisory' and not granted`,
    );
  await expect.poll(asked).toHaveLength(1);
  vi.advanceTimersByTime(1_500);
  await holder.query("select pg_advisory_unlock(2)");
  await refused;
});
