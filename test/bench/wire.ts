import { isDeepStrictEqual } from "node:util";
import { figuresOf, tableOf } from "./measure/report.ts";
import { type Budget, isPinned, runScene, type Scene, type SceneResult } from "./measure/rounds.ts";
import {
  answerTo,
  type HttpVersion,
  type ProtocolName,
  protocolCalls,
  request,
} from "./protocols.ts";

/** The peers for each protocol, beside the raw echo and our lane. Rows without a budget are only shown. */
const rows: readonly {
  readonly protocol: ProtocolName;
  readonly version: HttpVersion;
  readonly peers: readonly string[];
  readonly budgets: readonly Budget[];
}[] = [
  {
    protocol: "grpc",
    version: "2",
    peers: ["grpc-js", "connect-node"],
    // The raw echo is on node:http2, which the lane does not use.
    budgets: [atMost("raw", 0.5), atMost("grpc-js", 0.4)],
  },
  {
    protocol: "rest",
    version: "1.1",
    peers: ["fastify"],
    budgets: [atMost("raw", 1.25), aim("fastify", 1)],
  },
  {
    protocol: "connect-json",
    version: "1.1",
    peers: ["fastify", "connect-node"],
    budgets: [atMost("raw", 1.25), aim("fastify", 1)],
  },
  {
    protocol: "grpc-web",
    version: "1.1",
    peers: ["connect-node"],
    budgets: [atMost("raw", 1.25)],
  },
  { protocol: "connect-proto", version: "1.1", peers: ["connect-node"], budgets: [] },
  { protocol: "rest", version: "2", peers: ["fastify"], budgets: [] },
  { protocol: "connect-json", version: "2", peers: ["fastify", "connect-node"], budgets: [] },
  { protocol: "connect-proto", version: "2", peers: ["connect-node"], budgets: [] },
  { protocol: "grpc-web", version: "2", peers: ["connect-node"], budgets: [] },
];

function atMost(against: string, factor: number): Budget {
  return { subject: "giraffe", against, atMost: factor, isAim: false };
}

function aim(against: string, factor: number): Budget {
  return { subject: "giraffe", against, atMost: factor, isAim: true };
}

/** Headers that every client sends, because real clients do. */
const clientHeaders = {
  "user-agent": "bench/1",
  accept: "*/*",
  authorization: `Bearer gir_${"0".repeat(49)}`,
};

/** Unary calls without a store: what it costs to come from bytes to a handler and back. */
const wireScenes: readonly Scene[] = rows.map(({ protocol, version, peers, budgets }) => {
  const { title, verb, path, headers, body, readAnswer } = protocolCalls[protocol];
  return {
    title: `${title}, HTTP/${version}`,
    call: { version, verb, path, headers: { ...clientHeaders, ...headers }, body },
    checkAnswer(answer) {
      if (!isDeepStrictEqual(readAnswer(answer), answerTo(request))) {
        throw new Error(`${title} answered something else`);
      }
    },
    subjects: ["raw", "giraffe", ...peers].map((name) => ({
      name,
      args: [name, protocol, version],
    })),
    budgets,
  };
});

/** The wire beside its peers. Server and load have a core each, if the system can do that. */
export async function benchWire(settings: {
  readonly rounds: number;
  readonly calls: number;
}): Promise<object> {
  process.stdout.write(isPinned ? "server and load on a core each\n" : "not pinned to cores\n");
  const results: SceneResult[] = [];
  for (const scene of wireScenes) {
    const result = await runScene(scene, settings.rounds, settings.calls);
    results.push(result);
    process.stdout.write(`\n${tableOf(result)}\n`);
  }
  return figuresOf(results);
}
