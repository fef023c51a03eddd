import { describe, expect, test, vi } from "vitest";
import { createOverload } from "../../../src/wire/bounds/overload.ts";
import { maxLagMs } from "../../../src/wire/limits.ts";
import { startEcho } from "../echo.ts";
import { speakers } from "../speak.ts";

/** An event loop whose lateness a test decides. */
function createLoop() {
  let look = (_lateMs: number) => {};
  return {
    watch(callback: (lateMs: number) => void) {
      look = callback;
      return () => {};
    },
    isLate(...latenesses: number[]) {
      for (const lateMs of latenesses) look(lateMs);
    },
  };
}

describe("createOverload", () => {
  test.for<{ name: string; latenesses: number[]; want: boolean }>([
    { name: "takes calls while the loop is on time", latenesses: [0, 3, 0], want: false },
    { name: "takes calls after one stall", latenesses: [0, 10 * maxLagMs], want: false },
    {
      name: "refuses while the loop is late again and again",
      latenesses: [maxLagMs + 1, maxLagMs + 1],
      want: true,
    },
    {
      name: "takes calls again as soon as the loop is on time",
      latenesses: [maxLagMs + 1, maxLagMs + 1, 0],
      want: false,
    },
  ])("$name", ({ latenesses, want }) => {
    const loop = createLoop();
    const overload = createOverload({ watch: loop.watch });
    loop.isLate(...latenesses);
    expect(overload.isOverloaded()).toBe(want);
  });

  test("takes calls however late the loop is, if nothing counts as late", () => {
    const loop = createLoop();
    const overload = createOverload({ watch: loop.watch, maxLagMs: Number.POSITIVE_INFINITY });
    loop.isLate(60_000, 60_000, 60_000);
    expect(overload.isOverloaded()).toBe(false);
  });

  test("refuses while as many calls are in flight as may be", () => {
    const overload = createOverload({ maxCalls: 2, watch: createLoop().watch });
    overload.begin();
    expect(overload.isOverloaded()).toBe(false);
    overload.begin();
    expect(overload.isOverloaded()).toBe(true);
    overload.end();
    expect(overload.isOverloaded()).toBe(false);
  });
});

test("how late the event loop is shows ten times a second, each time since the look before", () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  let now = 0;
  using _clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  const seen: number[] = [];
  const overload = createOverload({ observeLag: (lateMs) => seen.push(lateMs) });
  for (now of [100, 900, 1_000, 1_701]) vi.advanceTimersByTime(100);
  expect(seen).toEqual([0, 700, 0, 601]);
  expect(overload.isOverloaded()).toBe(false);
  now += 601;
  vi.advanceTimersByTime(100);
  expect(overload.isOverloaded()).toBe(true);
  overload.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("a server that is overloaded", () => {
  test.for(speakers)("refuses a call over $name, and says when to come again", async ({ say }) => {
    // Every look at the event loop finds it late.
    await using server = await startEcho({}, { maxLagMs: -60_000 });
    await expect.poll(async () => (await say(server)).code).toBe(14);
    const { message, headers, trailers } = await say(server);
    expect(message).toContain("the server is overloaded");
    expect(headers.get("retry-after") ?? trailers.get("retry-after")).toBe("1");
    expect(server.outcomes.at(-1)?.error?.message).toContain("the server is overloaded");
  });
});
