import { describe, expect, test } from "vitest";
import { maxLagMs } from "../../src/wire/limits.ts";
import { createOverload } from "../../src/wire/overload.ts";

/** The event loop as somebody else sees it. */
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
