/** Random histories against a model of one server: on two servers with one PostgreSQL, of its own or a given one. */

import { parseArgs } from "node:util";
import { closeCallers } from "../../support/api/callers.ts";
import { startPostgres } from "../../support/postgres.ts";
import { linearizable, startNodes } from "./linearizable.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    histories: { type: "string", default: "1000" },
    /** The URL of an empty database that exists already. Default: one on a server that is started for this. */
    database: { type: "string" },
  },
});

const postgres = values.database === undefined ? await startPostgres() : undefined;
const nodes = await startNodes(values.database ?? postgres?.url("postgres"), 2);
const startedAt = performance.now();
try {
  const tally = await linearizable(nodes, Number(values.histories), Number(values.seed));
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  process.stdout.write(
    `${values.histories} histories of ${nodes.calls()} calls in ${seconds} s, seed ${values.seed}\n${JSON.stringify(tally)}\n`,
  );
} finally {
  closeCallers();
  await nodes.close();
  await postgres?.close();
}
