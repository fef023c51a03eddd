import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { createMeter } from "../../src/bulk/meter.ts";

/** A place whose clock goes by hand. */
function createPlace(isTTY: boolean) {
  const stream = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY, columns: 200 });
  let time = 0;
  return {
    place: { stream, now: () => time },
    pass: (ms: number) => {
      time += ms;
    },
    shown: () => String(stream.read() ?? ""),
  };
}

describe("a meter", () => {
  test("draws a bar with rate and time left on a terminal, and gives the cursor back", () => {
    const { place, pass, shown } = createPlace(true);
    const listeners = process.listenerCount("SIGINT");
    const meter = createMeter("users", 4_000, place);
    pass(2_000);
    meter.show(30_000, 1_000);
    meter.end();
    const drawn = shown();
    expect(drawn).toMatch(/ 25% \| 30,000 users \| 15,000\/s \| \S+ left/);
    expect(drawn.lastIndexOf("\x1b[?25h")).toBeGreaterThan(drawn.lastIndexOf("\x1b[?25l"));
    expect(process.listenerCount("SIGINT")).toBe(listeners);
  });

  test("writes a plain line every five seconds elsewhere", () => {
    const { place, pass, shown } = createPlace(false);
    const meter = createMeter("users", 4_000, place);
    for (let count = 1; count <= 8; count += 1) {
      pass(2_000);
      meter.show(count * 1_000, count * 100);
    }
    meter.end();
    expect(shown()).toBe("3,000 users, 500/s, 7%\n6,000 users, 500/s, 15%\n");
  });

  test.for([{ isTTY: true }, { isTTY: false }])(
    "has no bar and no share if nobody knows the whole, terminal: $isTTY",
    ({ isTTY }) => {
      const { place, pass, shown } = createPlace(isTTY);
      const meter = createMeter("users", undefined, place);
      pass(10_000);
      meter.show(1_000, 0);
      meter.end();
      expect(shown()).toBe("1,000 users, 100/s\n");
    },
  );
});
