import { describe, expect, test } from "vitest";
import { postgresFaults } from "./postgres.ts";

/** The short version of `npm run faults -- postgres`. Another seed gives other calls. */
const seed = "short";

describe("on PostgreSQL, under load, two servers keep their promises when", () => {
  test.for(postgresFaults.filter(({ times }) => times.short > 0))(
    "$name",
    async ({ run, times, needs }, context) => {
      context.skip(!((await needs?.isThere()) ?? true), `${needs?.what} is not there`);
      const { failures, acknowledged } = await run(seed, times.short);
      expect(failures).toEqual([]);
      expect(acknowledged).toBeGreaterThan(0);
    },
  );
});
