import fc from "fast-check";
import { expect, test } from "vitest";
import { brokenPromises, schedules } from "./simulation.ts";

test("two servers on one database keep every promise, whatever fails or is late", async () => {
  await fc.assert(
    fc.asyncProperty(schedules, async (steps) => {
      expect(await brokenPromises(steps)).toEqual([]);
    }),
    { numRuns: 3000 },
  );
});
