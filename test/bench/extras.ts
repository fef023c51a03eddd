import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { join } from "node:path";
import { startPostgres } from "../support/postgres.ts";
import { align, summarise } from "./measure/report.ts";
import { rpcPath } from "./protocols.ts";
import { type BenchServer, benchFolder, fill, serve } from "./server.ts";
import { updateFrame } from "./users.ts";

export type ExtrasSettings = {
  readonly rounds: number;
  readonly calls: number;
  readonly users: number;
};

/** Calls in flight. Each client changes users of its own, one after another. */
const clients = 64;

/** What a call sends beside its message. */
const extras: Readonly<Record<string, (version: number) => Record<string, string>>> = {
  none: () => ({}),
  "if-match": (version) => ({ "if-match": `"${version}"` }),
  "idempotency-key": () => ({ "idempotency-key": `"${randomUUID()}"` }),
  both: (version) => ({ "if-match": `"${version}"`, "idempotency-key": `"${randomUUID()}"` }),
};

type Figure = { readonly cpuMicros: number; readonly perSecond: number };

/**
 * Durable updates over gRPC with and without extras, round by round in turn, on both engines. CPU time is that of the
 * server process.
 */
export async function benchExtras({ rounds, calls, users }: ExtrasSettings): Promise<object> {
  const postgres = await startPostgres();
  const results: Record<string, unknown> = {};
  try {
    const databases = {
      SQLite: (folder: string) => `sqlite:${join(folder, "giraffe.db")}`,
      PostgreSQL: () => postgres.createDatabase(),
    };
    for (const [name, create] of Object.entries(databases)) {
      const folder = benchFolder();
      const database = await create(folder);
      await fill(database, folder, users);
      const server = await serve(database, folder, "--workers", "1");
      const figures = await compare(server, rounds, calls, users);
      await server.stop();
      process.stdout.write(`\n${tableOf(name, figures)}\n`);
      results[name] = Object.fromEntries(figures);
    }
  } finally {
    await postgres.close();
  }
  return results;
}

/** Each extra once in every round, in any order. */
export async function compare(
  server: BenchServer,
  rounds: number,
  calls: number,
  users: number,
): Promise<Map<string, Figure[]>> {
  const session = connect(`http://127.0.0.1:${server.port}`);
  const versions: number[] = Array(users).fill(1);
  const figures = new Map(Object.keys(extras).map((name) => [name, [] as Figure[]]));
  const measure = async (name: string): Promise<Figure> => {
    const before = server.cpuMicros();
    const startedAt = performance.now();
    await run(session, server.token, versions, calls, extras[name] ?? (() => ({})));
    const seconds = (performance.now() - startedAt) / 1_000;
    return { cpuMicros: (server.cpuMicros() - before) / calls, perSecond: calls / seconds };
  };
  for (const name of figures.keys()) await measure(name);
  for (let round = 0; round < rounds; round += 1) {
    const turns = [...figures].toSorted(() => Math.random() - 0.5);
    for (const [name, all] of turns) all.push(await measure(name));
  }
  session.close();
  return figures;
}

/** @param versions Of the users; each change makes one grow. */
async function run(
  session: ClientHttp2Session,
  token: string,
  versions: number[],
  calls: number,
  headersOf: (version: number) => Record<string, string>,
): Promise<void> {
  const share = Math.floor(versions.length / clients);
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let call = 0; call < calls / clients; call += 1) {
        const user = client * share + (call % share);
        const version = versions[user] ?? 1;
        const body = updateFrame(user, `Gi ${version}`);
        versions[user] = await update(session, token, body, headersOf(version));
      }
    }),
  );
}

/** @returns The version after it. */
async function update(
  session: ClientHttp2Session,
  token: string,
  body: Uint8Array,
  headers: Record<string, string>,
): Promise<number> {
  const stream = session.request({
    ":method": "POST",
    ":path": rpcPath,
    "content-type": "application/grpc",
    te: "trailers",
    authorization: `Bearer ${token}`,
    ...headers,
  });
  let status: unknown;
  let etag: unknown;
  stream.on("response", (answer) => {
    ({ etag, "grpc-status": status } = answer);
  });
  stream.on("trailers", (trailers) => {
    status = trailers["grpc-status"];
  });
  stream.resume().end(body);
  await once(stream, "close");
  if (status !== "0") throw new Error(`an update ended with status ${status}`);
  return Number(String(etag).replaceAll('"', ""));
}

function tableOf(title: string, figures: ReadonlyMap<string, readonly Figure[]>): string {
  const base = figures.get("none") ?? [];
  const rows = [...figures].map(([name, all]) => {
    const cpu = summarise(all.map(({ cpuMicros }) => cpuMicros));
    const speed = summarise(all.map(({ perSecond }) => perSecond));
    // In the same round the machine was equally busy.
    const times = summarise(
      all.map(({ cpuMicros }, round) => cpuMicros / (base[round]?.cpuMicros ?? Number.NaN)),
    );
    const range = `${cpu.min.toFixed(1)} – ${cpu.max.toFixed(1)}`;
    return [
      name,
      cpu.median.toFixed(1),
      range,
      times.median.toFixed(3),
      Math.round(speed.median).toLocaleString("en"),
    ];
  });
  return [title, ...align([["", "CPU µs", "min – max", "× none", "updates/s"], ...rows])].join(
    "\n",
  );
}
