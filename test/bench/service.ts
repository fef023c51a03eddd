import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { startPostgres } from "../support/postgres.ts";
import type { LoadCall, Order, Report } from "./measure/load.ts";
import { align, summarise } from "./measure/report.ts";
import { protocolCalls } from "./protocols.ts";
import { type BenchServer, benchFolder, fill, serve, startSubject } from "./server.ts";
import { updates } from "./users.ts";

/** Updates in flight: as many clients as wait for one answer each. */
const inFlight = 128;

export type ServiceSettings = {
  readonly rounds: number;
  readonly calls: number;
  readonly users: number;
};

const versions = { grpc: "2", rest: "1.1" } as const;

/** How each server is started, by its name. */
type Subjects = Readonly<Record<string, () => Promise<BenchServer>>>;

type Figures = {
  readonly perSecond: number[];
  readonly cpuMicros: number[];
  latenciesMs: readonly number[];
};

/**
 * Durable updates through the whole service, beside the same calls without a store, bare Node that
 * only reads and writes the same messages, and what pgbench commits on the same PostgreSQL. First a
 * closed loop for throughput, then half of that at a steady rate for latency. Server and load share
 * the machine.
 */
export async function benchService({ rounds, calls, users }: ServiceSettings): Promise<object> {
  const folders = { sqlite: benchFolder(), postgres: benchFolder() };
  const sqlite = `sqlite:${join(folders.sqlite, "giraffe.db")}`;
  const postgres = await startPostgres();
  const results: Record<string, unknown> = {};
  try {
    const database = await postgres.createDatabase();
    await fill(sqlite, folders.sqlite, users);
    await fill(database, folders.postgres, users);
    const subjects = (protocol: "grpc" | "rest"): Subjects => ({
      "bare Node": () => startSubject("subjects/echo.ts", protocol, versions[protocol]),
      "no store": () => startSubject("subjects/storeless.ts", String(users)),
      SQLite: () => serve(sqlite, folders.sqlite),
      PostgreSQL: () => serve(database, folders.postgres, "--workers", "1"),
    });
    for (const protocol of ["grpc", "rest"] as const) {
      for (const who of ["distinct users", "one user"] as const) {
        const title = `${protocolCalls[protocol].title}, ${who}`;
        const variants = updates(who === "one user" ? 1 : users)[protocol];
        const figures = await compare(subjects(protocol), protocol, variants, rounds, calls);
        process.stdout.write(`\n${tableOf(title, figures)}\n`);
        results[title] = Object.fromEntries(figures);
      }
    }
    results.pgbench = pgbench(postgres.url("postgres"));
  } finally {
    await postgres.close();
  }
  return results;
}

async function compare(
  subjects: Subjects,
  protocol: "grpc" | "rest",
  variants: NonNullable<LoadCall["variants"]>,
  rounds: number,
  calls: number,
): Promise<Map<string, Figures>> {
  const load = fork(join(import.meta.dirname, "measure/load.ts"), [], {
    serialization: "advanced",
  });
  load.once("exit", (code) => {
    if (code !== 0) throw new Error("the load generator met an error");
  });
  const servers = new Map<string, BenchServer>();
  const figures = new Map<string, Figures>();
  for (const [name, start] of Object.entries(subjects)) {
    servers.set(name, await start());
    figures.set(name, { perSecond: [], cpuMicros: [], latenciesMs: [] });
  }
  const { verb, path, headers } = protocolCalls[protocol];
  const callFor = (token: string): LoadCall => ({
    version: versions[protocol],
    verb,
    path,
    headers: { ...headers, authorization: `Bearer ${token}` },
    body: variants[0]?.body ?? new Uint8Array(),
    variants,
    inFlight,
  });
  const within = async (server: BenchServer, work: () => Promise<void>) => {
    await tell(load, { kind: "open", port: server.port, call: callFor(server.token) });
    await work();
    await tell(load, { kind: "close" });
  };
  try {
    for (const server of servers.values()) {
      await within(server, async () => void (await tell(load, { kind: "run", calls })));
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, server] of servers) {
        await within(server, async () => {
          const before = server.cpuMicros();
          const { seconds } = await tell(load, { kind: "run", calls });
          figures.get(name)?.cpuMicros.push((server.cpuMicros() - before) / calls);
          figures.get(name)?.perSecond.push(calls / seconds);
        });
      }
    }
    for (const [name, server] of servers) {
      const each = figures.get(name);
      if (each === undefined) continue;
      const perSecond = summarise(each.perSecond).median / 2;
      await within(server, async () => {
        const { latenciesMs } = await tell(load, { kind: "pace", calls, perSecond });
        each.latenciesMs = latenciesMs.toSorted((a, b) => a - b);
      });
    }
  } finally {
    for (const server of servers.values()) await server.stop();
    load.disconnect();
  }
  return figures;
}

/** Give the load generator an order. @returns What it reports once it has done it. */
export async function tell(load: ChildProcess, order: Order): Promise<Report> {
  load.send(order);
  const [report] = await once(load, "message");
  return report as Report;
}

function tableOf(title: string, figures: ReadonlyMap<string, Figures>): string {
  const heads = [
    "",
    "updates/s",
    "min – max",
    "× no store",
    "CPU µs",
    "× bare Node",
    "p50 ms",
    "p95 ms",
    "p99 ms",
  ];
  const base = summarise(figures.get("no store")?.perSecond ?? []).median;
  const bare = summarise(figures.get("bare Node")?.cpuMicros ?? []).median;
  const rows = [...figures].map(([name, { perSecond, cpuMicros, latenciesMs }]) => {
    const speed = summarise(perSecond);
    const cpu = summarise(cpuMicros).median;
    const at = (share: number) =>
      (latenciesMs[Math.floor(share * latenciesMs.length)] ?? Number.NaN).toFixed(1);
    return [
      name,
      whole(speed.median),
      `${whole(speed.min)} – ${whole(speed.max)}`,
      (speed.median / base).toFixed(2),
      cpu.toFixed(0),
      (cpu / bare).toFixed(2),
      at(0.5),
      at(0.95),
      at(0.99),
    ];
  });
  return [title, ...align([heads, ...rows])].join("\n");
}

const whole = (figure: number) => Math.round(figure).toLocaleString("en");

/** Commits per second of PostgreSQL's own benchmark; `undefined` where it is not installed. */
function pgbench(url: string): number | undefined {
  const run = (...args: string[]) => spawnSync("pgbench", [...args, url], { encoding: "utf8" });
  if (run("--initialize", "--scale", "10", "--quiet").status !== 0) {
    process.stdout.write("\npgbench is not installed: Debian has it in postgresql-contrib\n");
    return undefined;
  }
  const { stdout } = run("-N", "-M", "prepared", "-c", "16", "-j", "2", "-T", "10");
  const perSecond = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
  process.stdout.write(
    `\npgbench -N -M prepared -c 16 -j 2 -s 10 -T 10: ${whole(perSecond)} commits/s\n`,
  );
  return perSecond;
}
