import { describe, expect, test } from "vitest";
import { machineFaults } from "./machine.ts";
import { sqliteFaults } from "./sqlite.ts";

/** The short version of `npm run faults -- sqlite`. Another seed gives other calls. */
const seed = "short";

describe.runIf(process.platform === "linux")(
  "on SQLite, under load, a server keeps its promises through",
  () => {
    test.for([...sqliteFaults, ...machineFaults])(
      "$name",
      async ({ run, times, needs }, context) => {
        context.skip(!((await needs?.isThere()) ?? true), `${needs?.what} is not there`);
        const { failures, acknowledged } = await run(seed, times.short);
        expect(failures).toEqual([]);
        expect(acknowledged).toBeGreaterThan(0);
      },
    );
  },
);
