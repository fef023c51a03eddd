/** Random histories against a model of one server: on two servers with one PostgreSQL, of its own or a given one. */

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { closeCallers } from "../../support/api/callers.ts";
import { startPostgres } from "../../support/postgres.ts";
import { shell } from "../shell.ts";
import { linearizable, startNodes } from "./linearizable.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    histories: { type: "string", default: "1000" },
    /** The URL of an empty database that exists already. Default: one on a server that is started for this. */
    database: { type: "string" },
    /** The URL of the same for the second server, such as of another node. Default: the same URL. */
    other: { type: "string" },
    /** Shell commands that stop a part of it and start it again; `{turn}` is the number of the turn, from 0. */
    strike: { type: "string" },
    heal: { type: "string", default: "" },
    /** How long the part is gone, and how long all is well between two strikes, in milliseconds. */
    gone: { type: "string", default: "500" },
    well: { type: "string", default: "4000" },
  },
});

/** A transaction that a strike interrupts may keep its rows for a minute. */
const patienceMs = 240_000;

const postgres = values.database === undefined ? await startPostgres() : undefined;
const nodes = await startNodes(values.database ?? postgres?.url("postgres"), 2, values.other);
const startedAt = performance.now();
let isDone = false;
let strikes = 0;

/** Strike again and again, until all histories have run. */
async function strikeOn(strike: string): Promise<void> {
  while (!isDone) {
    await pause(Number(values.well));
    await shell(strike, strikes);
    await pause(Number(values.gone));
    await shell(values.heal, strikes);
    strikes += 1;
  }
}

try {
  const striking = values.strike === undefined ? undefined : strikeOn(values.strike);
  const struck = { ...nodes, ...(striking && { patienceMs }) };
  const tally = await linearizable(struck, Number(values.histories), Number(values.seed)).finally(
    () => {
      isDone = true;
      return striking;
    },
  );
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  process.stdout.write(
    `${values.histories} histories of ${nodes.calls()} calls in ${seconds} s, ${strikes} strikes, seed ${values.seed}\n${JSON.stringify(tally)}\n`,
  );
} finally {
  closeCallers();
  await nodes.close();
  await postgres?.close();
}
