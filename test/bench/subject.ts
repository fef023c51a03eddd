import type { AddressInfo, Server } from "node:net";
import type { HttpVersion, ProtocolName } from "./protocols.ts";

/**
 * A server under test, in a process of its own: `subject.ts NAME PROTOCOL VERSION`.
 *
 * Sends its port once it listens, then its CPU time so far, in microseconds, whenever it is sent
 * anything. Ends with the process that started it.
 */

type Listen = (protocol: ProtocolName, version: HttpVersion) => Promise<number>;

/** Loaded on demand, so that no server has the code of another in memory. */
const subjects: Readonly<Record<string, Listen>> = {
  raw: async (protocol, version) =>
    listen((await import("./subjects/raw.ts")).createRaw(protocol, version)),
  giraffe: async () => (await import("./subjects/giraffe.ts")).listenGiraffe(),
  "connect-node": async (_protocol, version) =>
    listen((await import("./subjects/connect-node.ts")).createConnectNode(version)),
  "grpc-js": async () => (await import("./subjects/grpc-js.ts")).listenGrpcJs(),
  fastify: async (_protocol, version) =>
    (await import("./subjects/fastify.ts")).listenFastify(version),
};

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

const [name = "", protocol, version] = process.argv.slice(2);
const start = subjects[name];
if (start === undefined) throw new Error(`unknown subject ${name}`);
const port = await start(protocol as ProtocolName, version as HttpVersion);

process.on("disconnect", () => process.exit());
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.send?.(port);
