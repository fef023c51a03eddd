import { beforeAll, describe, expect, test } from "vitest";
import { slowAttacks } from "../mutations/slow.ts";
import { attacks } from "./schedule.ts";
import { besiege, descriptorTolerance, doors, type SiegeReport } from "./siege.ts";

/**
 * The short version of `npm run faults`: every family of attacks, few of each. Another seed gives
 * other mutations.
 */
const seed = "short";

/**
 * In MiB. A server that has just started still grows, up to about 360 MiB after 200,000 requests. That it
 * does not grow beyond that is shown by the long version.
 */
const ceiling = 512;

describe.runIf(process.platform === "linux")(`a server under attack, seed ${seed}`, () => {
  let report: SiegeReport;

  beforeAll(async () => {
    report = await besiege({
      seed,
      requests: 5_000,
      rate: 2_000,
      warmUpPart: 0.6,
      concurrency: 64,
      floodFrames: 1_000,
      slowSockets: 5,
      quietMs: 500,
      progress: () => undefined,
    });
    // Half a minute of work for a machine that has nothing else to do.
  }, 1_800_000);

  describe("answers or closes", () => {
    test.for([...attacks, ...slowAttacks])("$name", ({ name }) => {
      expect(report.tallies.get(name)?.faults).toEqual([]);
      expect(report.tallies.get(name)?.cases).toBeGreaterThan(0);
    });
  });

  test("no case was in flight when a server died, because none died", () => {
    expect(report.suspects).toEqual([]);
  });

  describe.for(doors)("behind the %s door", (door) => {
    test("lives, and drains at the end", () => {
      expect(report.servers[door]).toMatchObject({ wasAlive: true, death: { exit: 0 } });
    });

    test("serves a good client beside it without an error", () => {
      const phases = Object.values(report.servers[door].goodClient);
      expect(phases.flatMap(({ errors }) => errors)).toEqual([]);
      expect(phases.flatMap(({ latencies }) => latencies)).not.toEqual([]);
    });

    test("frees memory and sockets", () => {
      const { memory, descriptors } = report.servers[door];
      expect(memory.end).toBeLessThan(ceiling);
      expect(descriptors.end - descriptors.start).toBeLessThanOrEqual(descriptorTolerance);
    });

    test("logs only JSON lines, without the token, and no fault of its own", () => {
      expect(report.servers[door].death).toMatchObject({ strangeLines: [], faultLines: [] });
    });
  });
});
