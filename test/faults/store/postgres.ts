import { setTimeout as pause } from "node:timers/promises";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../../src/store/postgres/event-store.ts";
import { type PostgresServer, query, startPostgres, startStandby } from "../../support/postgres.ts";
import { canTrace, failSync } from "../../support/strace.ts";
import { createRandom, type Random } from "../random.ts";
import { startKeyedClients } from "./keyed-clients.ts";
import type { Fault } from "./sqlite.ts";
import { runTrial, type Trial, type Verdict } from "./trial.ts";

const open = async (database: string) =>
  createPostgresEventStore({ database: await openPostgres(database), now: () => 0 });

/** Let the clients work for a random time. */
async function wait({ recorder }: Trial, random: Random): Promise<void> {
  await recorder.acknowledged(1 + random.int(300));
  await pause(random.int(30));
}

/** A fault that strikes one PostgreSQL again and again, while clients call two servers of ours. */
function fault(
  name: string,
  times: Fault["times"],
  strike: (postgres: PostgresServer, random: Random) => Promise<void>,
  more: Pick<Fault, "needs"> = {},
): Fault {
  return {
    name,
    times,
    ...more,
    async run(seed, count) {
      const postgres = await startPostgres();
      const random = createRandom(`${seed} ${name}`);
      try {
        const options = { seed, database: postgres.url("postgres"), open, servers: 2 };
        return await runTrial(options, async (trial) => {
          const keyed = await startKeyedClients(trial, seed);
          for (let turn = 0; turn < count; turn += 1) {
            await wait(trial, random);
            await strike(postgres, random);
          }
          await trial.recorder.acknowledged(200);
          await keyed.stop();
        });
      } finally {
        await postgres.close();
      }
    },
  };
}

/** Each strikes PostgreSQL while clients call two servers on it. */
export const postgresFaults: readonly Fault[] = [
  fault("F8: a backend is killed -9", { short: 1, long: 20 }, async (postgres, random) => {
    // PostgreSQL takes it for a crash, ends all the others and recovers.
    process.kill(random.pick(await backendsOf(postgres)), "SIGKILL");
  }),
  // PostgreSQL ends itself then, and every outcome that it leaves open is looked up: see the tests of C3.
  fault(
    "F19: a sync of PostgreSQL's log fails",
    { short: 1, long: 20 },
    async (postgres, random) => {
      const { calls } = await failSync(await backendsOf(postgres), 1 + random.int(5));
      const ends = await calls;
      if (!ends.some((line) => line.includes("killed by SIGABRT")))
        throw new Error(`no backend gave up: ${ends.slice(-5)}`);
    },
    { needs: { what: "strace", isThere: canTrace } },
  ),
  fault("a connection is terminated", { short: 0, long: 100 }, async (postgres, random) => {
    const backend = random.pick(await backendsOf(postgres));
    await query(postgres.url("postgres"), `select pg_terminate_backend(${backend})`);
  }),
  fault("killed -9, and started again", { short: 1, long: 20 }, async (postgres) => {
    await postgres.kill();
    await postgres.start();
  }),
  fault("F9: stopped fast, and started again", { short: 0, long: 20 }, async (postgres) => {
    await postgres.stop();
    await postgres.start();
  }),
  {
    name: "F10: the synchronous standby is promoted",
    times: { short: 1, long: 20 },
    async run(seed, times) {
      const verdicts: Verdict[] = [];
      for (let turn = 0; turn < times; turn += 1) verdicts.push(await promote(`${seed} ${turn}`));
      return sum(verdicts);
    },
  },
];

/** Ids of the processes that serve connections; while it recovers, as soon as there are any. */
async function backendsOf(postgres: PostgresServer): Promise<number[]> {
  for (;;) {
    try {
      const rows = await query(
        postgres.url("postgres"),
        `select pid from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      );
      if (rows.length > 0) return rows.map(({ pid }) => Number(pid));
    } catch {
      // It still recovers from the fault before.
    }
    await pause(50);
  }
}

/** The primary is killed, and the standby takes over everything that was acknowledged. */
async function promote(seed: string): Promise<Verdict> {
  const name = "standby";
  const primary = await startPostgres([`synchronous_standby_names=${name}`]);
  try {
    const standby = await startStandby(primary, name);
    try {
      const isSynchronous = "select from pg_stat_replication where sync_state = 'sync'";
      while ((await query(primary.url("postgres"), isSynchronous)).length === 0) await pause(50);
      const hosts = `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`;
      const database = primary.url("postgres").replace(`127.0.0.1:${primary.port}`, hosts);
      return await runTrial({ seed, database, open, servers: 2 }, async (trial) => {
        const keyed = await startKeyedClients(trial, seed);
        await wait(trial, createRandom(seed));
        await primary.kill();
        await query(standby.url("postgres"), "select pg_promote()");
        await trial.recorder.acknowledged(200);
        await keyed.stop();
      });
    } finally {
      await standby.close();
    }
  } finally {
    await primary.close();
  }
}

function sum(verdicts: readonly Verdict[]): Verdict {
  const total = (name: Exclude<keyof Verdict, "failures">) =>
    verdicts.reduce((before, verdict) => before + verdict[name], 0);
  return {
    calls: total("calls"),
    acknowledged: total("acknowledged"),
    open: total("open"),
    refused: total("refused"),
    keys: total("keys"),
    repeats: total("repeats"),
    seconds: total("seconds"),
    failures: verdicts.flatMap(({ failures }) => failures),
  };
}
