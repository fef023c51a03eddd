import { fork } from "node:child_process";
import { join } from "node:path";
import type { LoadCall } from "./measure/load.ts";
import { align, summarise } from "./measure/report.ts";
import {
  type HttpVersion,
  type ProtocolName,
  protocolCalls,
  restPrefix,
  rpcPath,
} from "./protocols.ts";
import { benchFolder, fill, serve } from "./server.ts";
import { type ServiceSettings, tell } from "./service.ts";
import { updates, userId } from "./users.ts";

/** A refused call may cost so much of a served one. */
const budget = 1 / 5;

const scenes: readonly {
  readonly protocol: "grpc" | "connect-proto" | "rest";
  readonly version: HttpVersion;
}[] = [
  { protocol: "grpc", version: "2" },
  { protocol: "connect-proto", version: "2" },
  { protocol: "connect-proto", version: "1.1" },
  { protocol: "rest", version: "1.1" },
];

/** Updates on SQLite that are served, and the same without a token: what strangers cost. */
export async function benchRefused(settings: ServiceSettings): Promise<object> {
  const { rounds, users } = settings;
  // Each round sends all updates, so that every one changes something, whatever was refused before it.
  const calls = 2 * users * Math.ceil(settings.calls / (2 * users));
  const folder = benchFolder();
  const database = `sqlite:${join(folder, "giraffe.db")}`;
  await fill(database, folder, users);
  const server = await serve(database, folder);
  const load = fork(join(import.meta.dirname, "measure/load.ts"), [], {
    serialization: "advanced",
  });
  load.once("exit", (code) => {
    if (code !== 0) throw new Error("the load generator met an error");
  });
  const cpuOf = async (call: LoadCall) => {
    await tell(load, { kind: "open", port: server.port, call });
    const before = server.cpuMicros();
    await tell(load, { kind: "run", calls });
    const cpu = (server.cpuMicros() - before) / calls;
    await tell(load, { kind: "close" });
    return cpu;
  };
  const results: Record<string, { served: number[]; refused: number[] }> = {};
  try {
    for (const { protocol, version } of scenes) {
      const served = callOf(protocol, version, users, { authorization: `Bearer ${server.token}` });
      const refused = { ...callOf(protocol, version, users, {}), isRefused: true };
      const figures = { served: [] as number[], refused: [] as number[] };
      // The first round is the warm-up.
      for (let round = 0; round <= rounds; round += 1) {
        const cpu = { served: await cpuOf(served), refused: await cpuOf(refused) };
        if (round === 0) continue;
        figures.served.push(cpu.served);
        figures.refused.push(cpu.refused);
      }
      results[`${protocolCalls[protocol].title}, HTTP/${version}`] = figures;
    }
  } finally {
    await server.stop();
    load.disconnect();
  }
  process.stdout.write(`\n${tableOf(results)}\n`);
  return results;
}

function callOf(
  protocol: ProtocolName,
  version: HttpVersion,
  users: number,
  authorization: Readonly<Record<string, string>>,
): LoadCall {
  const { verb, headers } = protocolCalls[protocol];
  const { grpc, rest } = updates(users);
  const variants =
    protocol === "rest"
      ? rest
      : grpc.map(({ body }) => ({
          path: rpcPath,
          body: protocol === "grpc" ? body : body.subarray(5),
        }));
  const path = protocol === "rest" ? `${restPrefix}/users/${userId(0)}/profile` : rpcPath;
  const body = variants[0]?.body ?? new Uint8Array();
  return {
    version,
    verb,
    path,
    headers: { ...headers, ...authorization },
    body,
    variants,
    inFlight: 128,
  };
}

function tableOf(
  results: Readonly<Record<string, { served: number[]; refused: number[] }>>,
): string {
  const rows = Object.entries(results).map(([title, { served, refused }]) => {
    const ratio = summarise(
      refused.map((cpu, round) => cpu / (served[round] ?? Number.NaN)),
    ).median;
    return [
      title,
      summarise(served).median.toFixed(1),
      summarise(refused).median.toFixed(1),
      ratio.toFixed(2),
      ratio <= budget ? "met" : "MISSED",
    ];
  });
  return align([["CPU µs/call", "served", "refused", "×", `≤ ${budget}`], ...rows]).join("\n");
}
