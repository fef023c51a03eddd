import { Client } from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import type { NodeState } from "../../../../src/store/observer.ts";
import { createHangingNodes } from "../../../../src/store/postgres/cluster/hanging-nodes.ts";
import { watchNodes } from "../../../../src/store/postgres/cluster/watch-nodes.ts";
import type { Connection } from "../../../../src/store/postgres/connection/connection.ts";
import { createLink } from "../../../../src/store/postgres/connection/link.ts";
import { openPostgres } from "../../../../src/store/postgres/database.ts";
import { query } from "../../../support/postgres.ts";
import { newCatalogue } from "./catalogue.ts";

/** Let the engine find the second worker without an answer, after some seconds. It warns then, as Citus does. */
function answerAfter(url: string, seconds: number, answers: boolean, port = 2) {
  return query(
    url,
    `create or replace function citus_check_connection_to_node(name text, port integer)
       returns boolean language plpgsql as $$ begin
         if port <> ${port} then return true; end if;
         perform pg_sleep(${seconds});
         if not ${answers} then raise warning 'could not establish connection'; end if;
         return ${answers};
       end $$`,
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

test("behind a node that is found to hang, the others are looked at", async () => {
  const url = await newCatalogue();
  await answerAfter(url, 1.5, false, 1);
  const { database, looks } = await watched(url);
  await expect.poll(() => looks.at(-1)).toEqual([false, true]);
  expect(database.hanging?.problem(["2"])?.name).toBe("StoreUnavailableError");
  expect(database.hanging?.problem(["3"])).toBeUndefined();
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

test("a node does not hang because the one that is asked does not answer any more", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const after = (ms: number, message: string) =>
    new Promise<never>((_, reject) => setTimeout(() => reject(new Error(message)), ms));
  let isGone = false;
  const link = createLink(async () => {
    if (isGone) return after(3_000, "no primary can be reached");
    let isOpen = true;
    const connection: Partial<Connection> = {
      isOpen: () => isOpen,
      async query({ text }) {
        if (text.includes("from pg_dist_node")) {
          return [2, 3].map((nodeid) => ({ nodeid, nodename: "w", nodeport: nodeid }));
        }
        if (!text.includes("citus_check_connection_to_node")) return [];
        isGone = true;
        return after(15_000, "Query read timeout").finally(() => {
          isOpen = false;
        });
      },
    };
    return connection as Connection;
  });
  const hanging = createHangingNodes();
  const seen = vi.fn<() => void>();
  const stop = watchNodes(link, hanging, seen);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(isGone).toBe(true);
  expect(hanging.problem()).toBeUndefined();
  expect(seen).not.toHaveBeenCalled();
  const stopped = stop();
  await vi.advanceTimersByTimeAsync(15_000);
  await stopped;
});
