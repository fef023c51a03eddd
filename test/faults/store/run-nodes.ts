/**
 * Nodes of a database on several machines are struck while clients call two servers. The database is an empty one that
 * exists already, and what strikes is given, because how nodes are run is nothing that this project knows.
 */

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openPostgres } from "../../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../../src/store/postgres/event-store.ts";
import { createRandom } from "../random.ts";
import { shell } from "../shell.ts";
import { startKeyedClients } from "./keyed-clients.ts";
import { runTrial } from "./trial.ts";

const { values } = parseArgs({
  options: {
    /** The URL, with several nodes as hosts if the one that is asked is struck. */
    database: { type: "string" },
    /** Shell commands that stop a node and start it again; `{turn}` is the number of the turn, from 0. */
    strike: { type: "string", default: "" },
    heal: { type: "string", default: "" },
    /** How long the node is gone, in milliseconds. */
    gone: { type: "string", default: "500" },
    times: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now()) },
    /** Of the clients. */
    users: { type: "string", default: "20" },
  },
});

const open = async (database: string) =>
  createPostgresEventStore({ database: await openPostgres(database), now: () => 0 });

const { database, strike, heal, seed } = values;
if (database === undefined) throw new Error("--database is missing");
const random = createRandom(seed);
const options = { seed, database, open, servers: 2, users: Number(values.users) };
const verdict = await runTrial(options, async (trial) => {
  const keyed = await startKeyedClients(trial, seed);
  for (let turn = 0; turn < Number(values.times); turn += 1) {
    await trial.recorder.acknowledged(100 + random.int(300));
    await shell(strike, turn);
    await pause(Number(values.gone));
    await shell(heal, turn);
  }
  await trial.recorder.acknowledged(300);
  await keyed.stop();
});
process.stdout.write(`seed ${seed}\n${JSON.stringify(verdict)}\n`);
if (verdict.failures.length > 0) process.exitCode = 1;
