import { join } from "node:path";
import { advance } from "../../src/domain/human.ts";
import { type HumanState, initialState } from "../../src/domain/human-state.ts";
import { searchKeys } from "../../src/domain/search-keys.ts";
import type { Decide, EventStore } from "../../src/store/event-store.ts";
import { openPostgres } from "../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../src/store/postgres/event-store.ts";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../src/store/sqlite/event-store.ts";
import { startPostgres } from "../support/postgres.ts";
import { align, summarise } from "./measure/report.ts";
import { benchFolder, fill } from "./server.ts";
import { organization, userId, userIds } from "./users.ts";

export type StoreSettings = {
  readonly rounds: number;
  readonly calls: number;
  readonly users: number;
};

/** Users of the small database, which the large one is compared with. */
const fewUsers = 10_000;
const shortHistory = 10;
const longHistory = 100_000;

type Load = {
  readonly title: string;
  readonly store: EventStore;
  readonly streams: readonly string[];
  readonly inFlight: number;
};

/**
 * Changes through the event store alone: by how many are in flight, on one user, and on databases and
 * histories of different size. CPU time is this process's, the writer thread included; that of the
 * PostgreSQL server is not.
 */
export async function benchStore({ rounds, calls, users }: StoreSettings): Promise<object> {
  const folder = benchFolder();
  const postgres = await startPostgres();
  const now = () => Date.now() * 1_000;
  try {
    const files = { few: join(folder, "few.db"), many: join(folder, "many.db") };
    await fill(`sqlite:${files.few}`, folder, fewUsers);
    await fill(`sqlite:${files.many}`, folder, users);
    const url = await postgres.createDatabase();
    await fill(url, folder, fewUsers);
    const open = (file: string) =>
      createSqliteEventStore({ database: openSqlite(file, searchKeys), now });
    const [few, many] = [open(files.few), open(files.many)];
    const pg = createPostgresEventStore({ database: await openPostgres(url, searchKeys), now });
    const fewIds = userIds(fewUsers);
    // Spread over all users, so that a page is rarely read twice in a short time.
    const step = Math.floor(users / fewUsers);
    const manyIds = fewIds.map((_, index) => userId(index * step));
    const [short = "", long = ""] = fewIds.slice(-2);
    await run({ title: "", store: few, streams: [short], inFlight: 64 }, shortHistory);
    await run({ title: "", store: few, streams: [long], inFlight: 128 }, longHistory);

    const loads: Load[] = [
      ...[1, 8, 64, 128, 1024].flatMap((inFlight) => [
        { title: `SQLite, ${inFlight} in flight`, store: few, streams: fewIds, inFlight },
        { title: `PostgreSQL, ${inFlight} in flight`, store: pg, streams: fewIds, inFlight },
      ]),
      { title: "SQLite, one user", store: few, streams: [fewIds[0] ?? ""], inFlight: 128 },
      { title: "PostgreSQL, one user", store: pg, streams: [fewIds[0] ?? ""], inFlight: 128 },
      {
        title: `SQLite, ${users.toLocaleString("en")} users`,
        store: many,
        streams: manyIds,
        inFlight: 128,
      },
      {
        title: `SQLite, ${shortHistory} changes before`,
        store: few,
        streams: [short],
        inFlight: 1,
      },
      {
        title: `SQLite, ${longHistory.toLocaleString("en")} changes before`,
        store: few,
        streams: [long],
        inFlight: 1,
      },
    ];
    const results = new Map(loads.map(({ title }) => [title, [] as Figure[]]));
    for (let round = 0; round < rounds; round += 1) {
      for (const load of loads) {
        const count = load.inFlight === 1 ? Math.ceil(calls / 10) : calls;
        results.get(load.title)?.push(await run(load, count));
      }
    }
    for (const store of [few, many, pg]) await store.close();
    process.stdout.write(`\n${tableOf(results)}\n`);
    return Object.fromEntries(results);
  } finally {
    await postgres.close();
  }
}

type Figure = { readonly perSecond: number; readonly cpuMicros: number };

async function run({ store, streams, inFlight }: Load, count: number): Promise<Figure> {
  const decide: Decide<HumanState> = (head) => {
    const state = head?.state ?? initialState;
    if (state.kind !== "present") throw new Error("no such user");
    const nickName = state.profile.nickName === "Gi" ? "Gigi" : "Gi";
    const profile = { ...state.profile, nickName };
    const { events, ...next } = advance({ type: "change-profile", profile }, state);
    return { events: events.map((event) => ({ ...event, creator: "bench" })), ...next };
  };
  let begun = 0;
  const before = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (begun < count) {
        const stream = streams[begun % streams.length] ?? "";
        begun += 1;
        await store.change(stream, organization, decide);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { perSecond: count / seconds, cpuMicros: (user + system) / count };
}

function tableOf(results: ReadonlyMap<string, readonly Figure[]>): string {
  const rows = [...results].map(([title, figures]) => {
    const speed = summarise(figures.map(({ perSecond }) => perSecond));
    const cpu = summarise(figures.map(({ cpuMicros }) => cpuMicros));
    const whole = (figure: number) => Math.round(figure).toLocaleString("en");
    const range = `${whole(speed.min)} – ${whole(speed.max)}`;
    return [title, whole(speed.median), range, cpu.median.toFixed(1)];
  });
  return align([["", "changes/s", "min – max", "CPU µs"], ...rows]).join("\n");
}
