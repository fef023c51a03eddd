/** Queue and batcher over a simulated database: see test/store/change/queue/simulation.ts. */

import { parseArgs } from "node:util";
import fc from "fast-check";
import { brokenPromises, schedules } from "../store/change/queue/simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    schedules: { type: "string", default: "20000" },
  },
});

await fc.assert(
  fc.asyncProperty(schedules, async (steps) => {
    const broken = await brokenPromises(steps);
    if (broken.length > 0) throw new Error(broken.join("\n"));
  }),
  { numRuns: Number(values.schedules), seed: Number(values.seed) },
);
process.stdout.write(`${values.schedules} schedules, seed ${values.seed}\n`);
