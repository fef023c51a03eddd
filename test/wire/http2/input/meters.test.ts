import { describe, expect, test } from "vitest";
import { Meters } from "../../../../src/wire/http2/input/meters.ts";

// The limits by the number. What a flood leads to is in floods.test.ts.

/** How often in a row something is within the limits. */
function countOf(take: () => boolean): number {
  for (let count = 0; count < 100_000; count++) if (!take()) return count;
  return Number.POSITIVE_INFINITY;
}

describe("a client may, on one connection", () => {
  test("send 100 PINGs at once, and one more a second", () => {
    const meters = new Meters();
    expect(countOf(() => meters.ping(0, 0))).toBe(100);
    expect(countOf(() => meters.ping(3_000, 0))).toBe(2);
  });

  test("send 100 PINGs after each answer, and not more after several", () => {
    const meters = new Meters();
    for (let ping = 0; ping < 90; ping++) meters.ping(0, 0);
    expect(countOf(() => meters.ping(0, 3))).toBe(100);
    expect(meters.ping(0, 4)).toBe(true);
  });

  test("send 100 SETTINGS at once, each of 32 settings", () => {
    const meters = new Meters();
    expect(countOf(() => meters.settings(0, 32))).toBe(100);
    expect(new Meters().settings(0, 33)).toBe(false);
  });

  test("move windows five times, twice for each stream, and 20 times for each DATA frame", () => {
    const free = new Meters();
    expect(countOf(() => free.windowUpdate(0))).toBe(5);
    const streams = new Meters();
    for (let stream = 0; stream < 3; stream++) streams.opened();
    expect(countOf(() => streams.windowUpdate(0))).toBe(11);
    const frames = new Meters();
    expect(frames.windowUpdate(2)).toBe(true);
    expect(countOf(() => frames.windowUpdate(3))).toBe(64);
  });

  test("send 100 DATA frames without data", () => {
    const meters = new Meters();
    expect(countOf(() => meters.emptyData())).toBe(100);
  });

  test("send 1,000 frames that do nothing, one more for each answer, and 50 a second", () => {
    const meters = new Meters();
    for (let answer = 0; answer < 9; answer++) meters.answered();
    expect(countOf(() => meters.oddity(0))).toBe(1_000);
    const further = new Meters();
    for (let frame = 0; frame < 1_000; frame++) further.oddity(0);
    for (let answer = 0; answer < 9; answer++) further.answered();
    expect(countOf(() => further.oddity(0))).toBe(9);
    expect(countOf(() => further.oddity(1_000))).toBe(49);
  });

  test("give up 2,000 streams that were begun, 200 that were not, and more after answers", () => {
    const begun = new Meters();
    expect(countOf(() => begun.reset(0, false))).toBe(2_000);
    const early = new Meters();
    for (let count = 0; count < 200; count++) expect(early.reset(0, true)).toBe(true);
    for (let answer = 0; answer < 3; answer++) early.answered();
    expect(countOf(() => early.reset(0, true))).toBe(3);
  });
});
