/** Random histories against a model of one server: on one server with SQLite. */

import { parseArgs } from "node:util";
import { closeCallers } from "../api/callers.ts";
import { startServer } from "../server.ts";
import { linearizable } from "./linearizable.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    histories: { type: "string", default: "1000" },
  },
});

const server = await startServer([]);
const startedAt = performance.now();
try {
  const nodes = { urls: [server.url], token: server.adminToken };
  await linearizable(nodes, Number(values.histories), Number(values.seed));
  const calls = server.records.length;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  process.stdout.write(
    `${values.histories} histories of ${calls} calls in ${seconds} s, seed ${values.seed}\n`,
  );
} finally {
  closeCallers();
  await server.close();
}
